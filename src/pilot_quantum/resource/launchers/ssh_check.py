"""What would become of an ssh:// pilot, found out without starting an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from pilot_quantum.resource.channel.handshake import Facts, compare, facts
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.finding import Finding
from pilot_quantum.resource.launchers.quoting import script
from pilot_quantum.resource.launchers.remote_python import RemotePython
from pilot_quantum.resource.launchers.shell import Shell, ShellError
from pilot_quantum.resource.launchers.ssh_errors import last_lines

_FACTS = (
    "import sys, msgspec; from pilot_quantum.resource.channel.handshake import facts; "
    "sys.stdout.write('\\n' + msgspec.json.encode([sys.executable, facts()]).decode())"
)
_SPACE = 1 << 20
"""Bytes that must fit on the disk for the agent's directory."""
_ROOM = """
directory=$(mktemp -d -- "${1:-${TMPDIR:-/tmp}}/pilot-quantum-check-XXXXXXXX") || exit 1
trap 'rm -rf -- "$directory"' EXIT
cat > "$directory/file" && printf '\\n%s\\n' "${directory%/*}"
"""


def check(description: PilotDescription, shell_for: Callable[[str], Shell]) -> list[Finding]:
    """One host after the other: does ssh get there, is there a Python that fits, is there room on its disk?"""
    return [finding for host in description.hosts for finding in _host(description, shell_for(host))]


def _host(description: PilotDescription, shell: Shell) -> Iterator[Finding]:
    host = shell.place
    try:
        shell.run(["true"])
    except ShellError as error:
        yield Finding(f"ssh to {host}", False, str(error))
        return
    yield Finding(f"ssh to {host}", True, "it answers")
    what = f"Python on {host}"
    try:
        python = RemotePython(shell, description.setup, description.interpreter)
        done = python.run('exec "$python" -c "$program"\n', program=_FACTS)
        path, theirs = msgspec.json.decode(done.stdout.splitlines()[-1], type=tuple[str, Facts])
    except ShellError as error:
        yield Finding(what, False, str(error))
    except (msgspec.DecodeError, IndexError):
        yield Finding(what, False, f"it printed {done.stdout[:200]!r} instead of its versions")
    else:
        difference = compare(facts(), theirs)
        versions = f"{path}: Python {theirs.python}, pilot-quantum {theirs.versions.get('pilot-quantum', '?')}"
        yield Finding(what, not difference, difference or versions)
    yield _room(description, shell)


def _room(description: PilotDescription, shell: Shell) -> Finding:
    what = f"disk of {shell.place}"
    try:
        done = shell.run(script(_ROOM, description.directory or ""), b"x" * _SPACE)
    except ShellError as error:
        return Finding(what, False, str(error))
    if not done.ok:
        return Finding(what, False, last_lines(done.words), "make room, or give directory= on another disk of it")
    return Finding(what, True, f"{done.stdout.splitlines()[-1]} can be written")  # bash's start-up files may print, too
