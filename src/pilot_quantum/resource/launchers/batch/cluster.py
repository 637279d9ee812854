"""A cluster as its commands give it: a shell, the batch system behind it, and where our files go there."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch.pbs import PbsSystem
from pilot_quantum.resource.launchers.batch.reach import address_towards
from pilot_quantum.resource.launchers.batch.slurm import SlurmSystem
from pilot_quantum.resource.launchers.batch.system import BatchError, BatchSystem
from pilot_quantum.resource.launchers.shell import Shell, ShellError

TAIL = 2000
"""Bytes of a job's stderr that are shown when it has failed."""
_LINES = 8


def make_system(scheme: str, shell: Shell, dialect: str | None) -> BatchSystem:
    """The batch system of a URL's scheme."""
    return SlurmSystem(shell) if scheme == "slurm" else PbsSystem(shell, dialect)


class Cluster:
    """One scheme on one machine: this one, or a login host. The methods block: call them from threads.

    session: a word that no other session has, for directories on disks that several may share.
    """

    def __init__(self, description: PilotDescription, shell: Shell, session: str, local: Path) -> None:
        self.shell = shell
        self.login = shell.place
        self.system = make_system(description.scheme, shell, description.dialect)
        self._session = session
        self._local = local
        self._lock = threading.Lock()
        self._home = ""
        self._address: str | None = None

    def directory(self, description: PilotDescription, allocation: str) -> str:
        """Where an allocation's files go: private, and to be seen by its nodes."""
        if description.directory:
            base = description.directory
            if base.startswith("~/"):
                base = f"{self.home()}{base[1:]}"
            return f"{base.rstrip('/')}/pilot-quantum-{self._session}/{allocation}"
        if self.login:
            return f"{self.home()}/.pilot-quantum/{self._session}/{allocation}"
        return str(self._local / allocation)

    def home(self) -> str:
        """The home directory there."""
        with self._lock:
            if not self._home:
                done = self.shell.run(["sh", "-c", 'printf %s "$HOME"'])
                if not done.ok or not done.stdout.startswith("/"):
                    raise ShellError(f"{self.login or 'this machine'} does not tell a home directory: {done.words}")
                self._home = done.stdout.strip()
            return self._home

    def interpreter(self, description: PilotDescription) -> str:
        """The Python of its nodes: the one given, else ours, else `python3` where the machine is another."""
        return description.interpreter or ("python3" if self.login else sys.executable)

    def address(self) -> str:
        """This machine's address, as the cluster's nodes reach it. Raises BatchError when that cannot be told."""
        with self._lock:
            if self._address is None:
                server = self.system.server()
                self._address = address_towards(server) if server else ""
            if not self._address:
                raise BatchError(
                    f"{self.system.name} does not tell at which address its nodes reach this machine: give address=."
                )
            return self._address

    def put(self, path: str, content: bytes) -> None:
        """Write a file for our own user alone."""
        self.shell.write(path, content)

    def last_words(self, paths: list[str]) -> str:
        """The last lines of these files, those that there are."""
        quoted = " ".join(shlex.quote(path) for path in paths)
        script = f'for f in {quoted}; do test -f "$f" && tail -c {TAIL} -- "$f"; done; true'
        try:
            text = self.shell.run(["sh", "-c", script], timeout=20).stdout
        except ShellError as error:
            return f"(its stderr cannot be read: {error})"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return " / ".join(lines[-_LINES:])

    def remove(self, directory: str, only: tuple[str, ...] = ()) -> None:
        """Remove an allocation's directory, or only some files of it. What cannot be removed stays."""
        if "pilot" not in directory:
            return
        targets = [f"{directory}/{name}" for name in only] or [directory]
        try:
            self.shell.run(["rm", "-rf", "--", *targets], timeout=20)
            if not only:
                self.shell.run(["rmdir", "--", directory.rpartition("/")[0]], timeout=20)  # empty after the last one
        except ShellError:
            return


ShellFor = Callable[[str], Shell]
"""Gives the shell of a login host, or of this machine for ""."""
