"""The Python of another host that has our package: found, and given programs to run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pilot_quantum.resource.launchers.quoting import script
from pilot_quantum.resource.launchers.shell import Finished, Shell
from pilot_quantum.resource.launchers.ssh_errors import SSHError, SSHFault, last_lines
from pilot_quantum.version import __version__

START = 90.0
"""Seconds within which our package must have been imported: slow the first time on a network file system."""
_NONE_WILL_DO = 96
"""Exit status of the script where no Python will do."""
_PROBE = (
    "import sys, importlib.util as u; "
    "sys.exit(0 if u.find_spec('pilot_quantum') else 'runs, but has no package pilot_quantum')"
)
_FIND = f"""
setup=$1; probe=$2; shift 2
eval "$setup" </dev/null
said=
for python in "$@"; do
  if words=$("$python" -c "$probe" 2>&1 </dev/null); then
    said=; break
  fi
  said="$said${{said:+; }}$python: $words"
done
if [ -n "$said" ]; then
  printf '%s\\n' "$said" >&2
  exit {_NONE_WILL_DO}
fi
"""


class RemotePython:
    """A host's Python.

    setup: shell lines to run first there. interpreter: the one to use; without it, this program's own (where the disk
    is shared it is the same) or else `python3`, whichever has our package; after `setup` the other way round.
    """

    def __init__(self, shell: Shell, setup: Sequence[str], interpreter: str | None) -> None:
        self.shell = shell
        self._setup = "\n".join(setup)
        usual = (sys.executable, "python3")
        self._interpreters = (interpreter,) if interpreter else usual[::-1] if setup else usual

    def script(self, body: str, **variables: str) -> list[str]:
        """The words of a command that runs shell lines in which "$python" is that Python, with these variables."""
        names = "".join(f"{name}=$1; shift\n" for name in variables)
        return script(names + _FIND + body, *variables.values(), self._setup, _PROBE, *self._interpreters)

    def run(self, body: str, input: bytes = b"", **variables: str) -> Finished:
        """Run such shell lines. Raises SSHError when they fail, or no Python will do."""
        done = self.shell.run(self.script(body, **variables), input, START)
        place = self.shell.place
        if done.status == _NONE_WILL_DO:
            raise SSHError(
                SSHFault.NO_PROGRAM,
                f"{place} has no Python with Pilot-Quantum: {last_lines(done.stderr)} Install it there (python3 -m pip "
                f"install pilot-quantum=={__version__}), or say which Python has it: interpreter=/path/to/python, "
                "after setup='module load …' where it needs one.",
            )
        if not done.ok:
            raise SSHError(
                SSHFault.OTHER,
                f"{place}: the agent could not start (status {done.status}): {last_lines(done.words)}",
            )
        return done
