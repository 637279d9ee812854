"""What would become of a pilot, found out without asking for one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from pilot_quantum.resource.channel.handshake import Facts, compare, facts
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers import ssh_check
from pilot_quantum.resource.launchers.batch.cluster import Cluster
from pilot_quantum.resource.launchers.batch.hints import hint
from pilot_quantum.resource.launchers.batch.script import Job, agent_command
from pilot_quantum.resource.launchers.batch.system import BatchError
from pilot_quantum.resource.launchers.finding import Finding
from pilot_quantum.resource.launchers.shell import Shell, ShellError

ShellFor = Callable[[str], Shell]
_FACTS = (
    "import sys, msgspec; from pilot_quantum.resource.channel.handshake import facts; "
    "sys.stdout.write(msgspec.json.encode(facts()).decode())"
)


class DryRun(msgspec.Struct, frozen=True):
    """What was found about a pilot. script: the job that would be submitted; empty where none is."""

    url: str
    ok: bool
    script: str
    findings: tuple[Finding, ...]


def dry_run(description: PilotDescription, shell_for: ShellFor) -> DryRun:
    """Try everything short of acquiring. Blocks for as long as hosts and schedulers take; each command has a limit."""
    script = ""
    if description.scheme in ("slurm", "pbs"):
        script, findings = _batch(description, shell_for)
    elif description.scheme == "ssh":
        findings = ssh_check.check(description, shell_for)
    else:
        findings = [_local(description)]
    return DryRun(description.url, all(finding.ok for finding in findings), script, tuple(findings))


def _batch(description: PilotDescription, shell_for: ShellFor) -> tuple[str, list[Finding]]:
    login = description.hosts[0] if description.hosts else ""
    where = login or "this machine"
    cluster = Cluster(description, shell_for(login), "dry-run", Path.cwd() / ".pilot-quantum" / "dry-run" / "pilots")
    findings: list[Finding] = []
    try:
        if login:
            cluster.home()
            findings.append(Finding(f"ssh to {login}", True, "it answers"))
        directory = cluster.directory(description, "check.1")
        command = agent_command(cluster.interpreter(description), f"{directory}/agent.json")
        job = Job("pq-check", description, max(1, description.nodes), directory, command, bool(login))
        script = cluster.system.script(job)
    except (ShellError, BatchError) as error:
        return "", [*findings, Finding(f"{description.scheme} on {where}", False, str(error), hint(str(error)))]
    try:
        taken, words = cluster.system.validate(job, script)
        findings.append(Finding(f"{cluster.system.name} on {where}", taken, words, "" if taken else hint(words)))
    except (ShellError, BatchError) as error:
        findings.append(Finding(f"{cluster.system.name} on {where}", False, str(error), hint(str(error))))
    findings.append(_environment(cluster.shell, cluster.interpreter(description), where))
    if not description.address and not login:
        try:
            findings.append(Finding("address for agents", True, cluster.address()))
        except (ShellError, BatchError) as error:
            advice = "" if isinstance(error, BatchError) else "give address="  # a BatchError says so itself
            findings.append(Finding("address for agents", False, str(error), advice))
    return script, findings


def _local(description: PilotDescription) -> Finding:
    from pilot_quantum.resource import machine

    there = machine.cores()
    asked = description.cores if description.cores is not None else there
    if description.memory is not None and description.memory > machine.memory():
        return Finding(
            "this machine", False, f"it has {machine.memory()} bytes of memory", "ask for less, or leave memory out"
        )
    return Finding("this machine", True, f"{there} cores, for {asked} workers")


def _environment(shell: Shell, interpreter: str, where: str) -> Finding:
    """The Python there against ours: what the handshake would compare, before anything waits in a queue."""
    what = f"{interpreter} on {where}"
    try:
        done = shell.run([interpreter, "-c", _FACTS])
    except ShellError as error:
        return Finding(
            what, False, str(error), "give interpreter=, the path of the Python there that has pilot-quantum"
        )
    if not done.ok:
        last = done.words.splitlines()[-1]
        return Finding(what, False, last, _missing(last, interpreter))
    try:
        theirs = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Facts)
    except (msgspec.DecodeError, IndexError):
        return Finding(what, False, f"it printed {done.stdout[:200]!r} instead of its versions")
    difference = compare(facts(), theirs)
    if difference:
        return Finding(what, False, difference, "install the same versions there, or give another interpreter=")
    return Finding(what, True, f"Python {theirs.python}, pilot-quantum {theirs.versions.get('pilot-quantum', '?')}")


def _missing(words: str, interpreter: str) -> str:
    if "No module named" in words:
        ours = ".".join(map(str, sys.version_info[:2]))
        return f"install pilot-quantum into it (Python {ours}), or give interpreter= of an environment that has it"
    return f"give interpreter=, the path of a Python there: {interpreter!r} cannot be run"
