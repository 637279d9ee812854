"""Slurm, by its commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch import reasons
from pilot_quantum.resource.launchers.batch.amounts import slurm_clock
from pilot_quantum.resource.launchers.batch.script import Job
from pilot_quantum.resource.launchers.batch.slurm_output import (
    SACCT_FORMAT,
    SQUEUE_FORMAT,
    longest,
    partition_fields,
    sacct_rows,
    scontrol_job,
    squeue_json,
    squeue_rows,
)
from pilot_quantum.resource.launchers.batch.slurm_script import overridden, slurm_script
from pilot_quantum.resource.launchers.batch.system import BatchError, JobReport, RefusedError
from pilot_quantum.resource.launchers.shell import Finished, Shell, ShellError

_NO_JOB = re.compile(r"invalid job id|no such job", re.IGNORECASE)
_UNANSWERED = re.compile(
    r"unable to contact|connection (refused|timed out|failure)|socket timed out|communication|temporarily|try again"
    r"|zero bytes were|slurmctld.*(down|respond)",
    re.IGNORECASE,
)
"""The controller could not be asked: a submission may or may not have reached it."""
_TIME_LIMIT = 60.0


class SlurmSystem:
    """The Slurm that the commands of a shell belong to. Implements `BatchSystem`.

    Not thread-safe but for `poll`, which only one thread calls.
    """

    name = "Slurm"

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._json: bool | None = None
        """Whether `squeue --json` is worth asking for; None before it has been tried."""
        self._accounting = True
        self._clusters: dict[str, str] = {}
        """job -> its cluster, where Slurm has several."""
        self._nodes: dict[str, int] = {}
        """job -> the nodes asked for."""

    def script(self, job: Job) -> str:
        """The script of a job."""
        return slurm_script(job)

    def submit(self, job: Job, path: str) -> str:
        """Submit a script; the job's id."""
        done = self._shell.run([*_sbatch(job), "--parsable", path], timeout=_TIME_LIMIT)
        if not done.ok:
            if _UNANSWERED.search(done.words):
                raise ShellError(f"sbatch: {_short(done.words)}")
            raise RefusedError(_short(done.words))
        line = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
        number, _, cluster = line.partition(";")
        if not number.isdigit():
            raise ShellError(f"sbatch gave {done.stdout.strip()!r} instead of a job's number")
        self._note(job, number, cluster)
        return number

    def find(self, job: Job) -> str:
        """The id of a job of this name; empty if there is none."""
        done = self._run("squeue", "--noheader", "--states=all", f"--name={job.name}", "--format=%i")
        numbers = [word for word in done.stdout.split() if word.isdigit()]
        if numbers:
            self._note(job, numbers[-1], "")
        return numbers[-1] if numbers else ""

    def poll(self, ids: Sequence[str]) -> dict[str, JobReport]:
        """What `squeue` says of these jobs: one command, for each cluster where there are several."""
        reports: dict[str, JobReport] = {}
        clusters: dict[str, list[str]] = {}
        for job in ids:
            clusters.setdefault(self._clusters.get(job, ""), []).append(job)
        for cluster, members in clusters.items():
            reports |= self._poll(cluster, members)
        return {job: self._judged(job, report) for job, report in reports.items()}

    def look(self, job: str) -> JobReport | None:
        """What `scontrol` says, else `sacct` where there is one."""
        shown = self._shell.run([*self._command("scontrol", job), "show", "job", job], timeout=_TIME_LIMIT)
        report = scontrol_job(shown.stdout) if shown.ok else None
        if report is not None:
            return self._judged(job, report)
        if not shown.ok and not _NO_JOB.search(shown.words):
            raise BatchError(f"scontrol show job: {_short(shown.words)}")
        return self._account(job)

    def cancel(self, ids: Sequence[str]) -> None:
        """`scancel`; a job that has ended meanwhile is no error."""
        clusters: dict[str, list[str]] = {}
        for job in ids:
            clusters.setdefault(self._clusters.get(job, ""), []).append(job)
        for members in clusters.values():
            done = self._shell.run([*self._command("scancel", members[0]), *members], timeout=_TIME_LIMIT)
            if not done.ok and not re.search(r"invalid job id|already (completing|completed)", done.words, re.I):
                raise BatchError(f"scancel: {_short(done.words)}")

    def validate(self, job: Job, script: str) -> tuple[bool, str]:
        """What `sbatch --test-only` says, and the partition's limit of time, which it does not look at."""
        done = self._shell.run([*_sbatch(job), "--test-only"], script.encode(), timeout=_TIME_LIMIT)
        beyond = self._beyond(job.description) if done.ok else ""
        return done.ok and not beyond, beyond or _short(done.words)

    def _beyond(self, description: PilotDescription) -> str:
        """Why a job would wait for ever for its walltime; empty if it would not, or if a QOS may allow it."""
        if description.walltime is None or description.qos is not None:
            return ""
        name = [description.queue] if description.queue else []
        shown = self._shell.run(["scontrol", "show", "partition", *name, "--oneliner"], timeout=_TIME_LIMIT)
        limit = longest(shown.stdout) if shown.ok else None
        if limit is None or description.walltime <= limit[1]:
            return ""
        asked = slurm_clock(description.walltime)
        return f"a walltime of {asked} is beyond the limit of partition {limit[0]}, {slurm_clock(limit[1])}"

    def server(self) -> str:
        """The controller's address, from Slurm's own configuration."""
        text = self._run("scontrol", "show", "config").stdout
        match = re.search(r"^SlurmctldHost\[0\]\s*=\s*([^\s(]+)(?:\(([^)\s]+)\))?", text, re.MULTILINE)
        return (match.group(2) or match.group(1)) if match else ""

    def _poll(self, cluster: str, ids: list[str]) -> dict[str, JobReport]:
        argv = ["squeue", "--noheader", "--states=all", f"--jobs={','.join(ids)}"]
        argv += [f"--clusters={cluster}"] if cluster else []
        if self._json is not False:
            done = self._shell.run([*argv, "--json"], timeout=_TIME_LIMIT)
            reports = self._from_json(done, ids)
            if reports is not None:
                return reports
        done = self._shell.run([*argv, f"--format={SQUEUE_FORMAT}"], timeout=_TIME_LIMIT)
        if not done.ok and not _NO_JOB.search(done.words):
            raise BatchError(f"squeue: {_short(done.words)}")
        return squeue_rows(done.stdout) if done.ok else {}

    def _from_json(self, done: Finished, ids: list[str]) -> dict[str, JobReport] | None:
        """What JSON says of these jobs. None: ask in another way, from now on where JSON is of no use here."""
        if not done.ok:
            if _UNANSWERED.search(done.words):
                raise BatchError(f"squeue: {_short(done.words)}")
            if self._json is None and not _NO_JOB.search(done.words):
                self._json = False  # this squeue has no --json
            return None
        try:
            reports = squeue_json(done.stdout)
        except BatchError:
            self._json = False
            return None
        # Slurm before 23.02 prints every job of the cluster, whatever was asked: megabytes at each poll of a large one.
        self._json = set(reports) <= set(ids)
        return {job: report for job, report in reports.items() if job in ids}

    def _account(self, job: str) -> JobReport | None:
        if not self._accounting:
            return None
        argv = [*self._command("sacct", job), "--noheader", "--parsable2", "--allocations", "--duplicates"]
        try:
            done = self._shell.run([*argv, f"--jobs={job}", f"--format={SACCT_FORMAT}"], timeout=_TIME_LIMIT)
        except ShellError:
            return None  # scontrol has answered: sacct is a second opinion, where it is installed
        if not done.ok and re.search(r"accounting storage is disabled|not found", done.words, re.IGNORECASE):
            self._accounting = False
        return sacct_rows(done.stdout) if done.ok else None

    def _judged(self, job: str, report: JobReport) -> JobReport:
        """The report, with its reason held against the partition's limits where the reason alone is no verdict."""
        if not report.hopeless or not reasons.in_doubt(report.reason) or job not in self._nodes:
            return report
        shown = partition_fields(self._run(*self._command("scontrol", job), "show", "job", job).stdout)
        argv = [*self._command("scontrol", job), "show", "partition", shown.get("Partition", "")]
        fields = partition_fields(self._run(*argv).stdout)
        limits = [int(fields[name]) for name in ("TotalNodes", "MaxNodes") if fields.get(name, "").isdigit()]
        if limits and self._nodes[job] <= min(limits):
            return JobReport(report.state, report.reason, "", report.run, report.exit)
        return report

    def _note(self, job: Job, number: str, cluster: str) -> None:
        self._nodes[number] = job.nodes
        if cluster:
            self._clusters[number] = cluster

    def _command(self, program: str, job: str) -> list[str]:
        cluster = self._clusters.get(job, "")
        return [program, f"--clusters={cluster}"] if cluster else [program]

    def _run(self, *argv: str) -> Finished:
        done = self._shell.run(argv, timeout=_TIME_LIMIT)
        if not done.ok:
            raise BatchError(f"{argv[0]}: {_short(done.words)}")
        return done


def _sbatch(job: Job) -> list[str]:
    """sbatch, without what the environment would put above the script."""
    return ["env", *(word for name in overridden(job) for word in ("-u", name)), "sbatch"]


def _short(words: str) -> str:
    """The words in one line, without the program's name before each."""
    lines = [re.sub(r"^(sbatch|squeue|scancel|scontrol): (error: )?", "", line.strip()) for line in words.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))[:1000]
