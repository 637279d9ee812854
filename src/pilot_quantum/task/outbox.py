"""What the parts of the core want to be done, gathered during one call and put in order."""

from __future__ import annotations

from pilot_quantum.task.book import Book
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.instructions import Forget, Instruction, Kill, Record, Resolve, Revoke, SetTimer

_NEVER = float("inf")


class Outbox:
    """Instructions of one call of `handle`, which takes place at `now` (monotonic seconds)."""

    def __init__(self, book: Book) -> None:
        self.now = 0.0
        self._book = book
        self._out: list[Instruction] = []
        self._unwanted: list[Forget] = []
        self._wake = _NEVER

    def begin(self, now: float) -> None:
        """A call begins; times to wake up at are asked for anew."""
        self.now = now
        self._wake = _NEVER

    def add(self, instruction: Instruction) -> None:
        """Have something done."""
        self._out.append(instruction)

    def forget(self, task: int, attempt: int) -> None:
        """What this attempt left is not wanted."""
        self._unwanted.append(Forget(task, attempt))

    def wake(self, at: float) -> None:
        """Be called again at `at`, if not before."""
        if at < self._wake:
            self._wake = at

    def kill(self, bundle: Bundle, cause: str) -> None:
        """End the worker of a bundle."""
        if not bundle.ending:
            bundle.ending = True
            self._out.append(Kill(bundle.pilot, bundle.worker, cause))

    def revoke_tail(self, bundle: Bundle, count: int) -> None:
        """Ask for the last `count` tasks of a bundle back."""
        if count <= 0:
            return
        bundle.swept = bundle.swept or count >= len(bundle.left) - 1
        tail = [item for item in list(bundle.left.items())[-count:] if item[0] not in self._book.ghosts]
        if tail:
            bundle.recheck = False
            self._out.append(Revoke(bundle.pilot, bundle.worker, tail))

    def take(self) -> list[Instruction]:
        """All that was asked for, in the order in which it has to be done."""
        out, self._out = self._out, []
        if ended := self._book.take_ended():
            out.append(Resolve(ended))
        out += self._unwanted  # after the ends: a doubled outcome has the key of the first, which counts
        self._unwanted = []
        if rows := self._book.take_rows():
            out.insert(0, Record(rows))  # first: what follows may cause the next transitions of the same tasks
        if self._wake < _NEVER:
            out.append(SetTimer(self._wake))
        return out
