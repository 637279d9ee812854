"""Where a launcher's commands run: on this machine, or on a login host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether it ended with status 0."""
        return self.status == 0

    @property
    def words(self) -> str:
        """What it says about its failure: what it printed on stderr, else on stdout, else its status."""
        return self.stderr.strip() or self.stdout.strip() or f"exit status {self.status}"


class ShellError(OSError):
    """A command could not be run, or did not end in time: whether it had an effect is not known."""


class Shell(Protocol):
    """Runs commands in one place. Every method blocks, for at most its timeout; any thread may call it."""

    @property
    def place(self) -> str:
        """Where that is, as the user wrote it ("user@login"); empty for this machine."""

    def run(self, argv: Sequence[str], input: bytes = b"", timeout: float = 60.0) -> Finished:
        """Run a program, with these bytes on its stdin, and wait for at most `timeout` seconds.

        argv: its words, literally: nothing in them is expanded or split. Raises ShellError when it cannot be started,
        when it does not end in time (it is killed then), and when the host cannot be reached.
        """

    def write(self, path: str, content: bytes, mode: int = 0o600, timeout: float = 60.0) -> None:
        """Write a file, so that nobody ever reads half of it; missing directories are made, for their owner alone.

        Raises ShellError with the system's words when that fails (a full disk, a directory of somebody else's).
        """
