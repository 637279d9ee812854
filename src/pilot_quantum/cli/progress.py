"""Progress on stderr: live where it is a terminal, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY = 5.0
"""Seconds between two plain lines."""


@dataclass(frozen=True, slots=True)
class PilotLine:
    """A pilot as progress shows it."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a run stands: tasks ended (of them failed) of those submitted, and the pilots."""

    done: int
    failed: int
    total: int
    pilots: tuple[PilotLine, ...]


class Progress(Protocol):
    """Shows snapshots until it is left."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing, and leave the terminal as it was."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Show `snapshot`."""
        ...


def progress(stream: TextIO | None = None, clock: Callable[[], float] = monotonic) -> Progress:
    """The kind of progress that fits `stream` (stderr)."""
    stream = stream or sys.stderr
    return LiveProgress(stream, clock) if stream.isatty() else PlainProgress(stream, clock)


def rate_and_remaining(done: int, total: int, seconds: float) -> tuple[float, float | None]:
    """Tasks ended per second, and the seconds that the others take at this rate; None while nobody can say."""
    rate = done / seconds if seconds > 0 else 0.0
    return rate, (total - done) / rate if rate else None


class PlainProgress:
    """A line at most every few seconds, and when a pilot's state changes: readable in a log."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._began = self._last = clock()
        self._pilots: tuple[PilotLine, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, snapshot: Snapshot) -> None:
        """Print a line if it is time for one."""
        now = self._clock()
        if snapshot.pilots == self._pilots and now - self._last < LINE_EVERY:
            return
        self._pilots, self._last = snapshot.pilots, now
        rate, left = rate_and_remaining(snapshot.done, snapshot.total, now - self._began)
        parts = [f"{snapshot.done}/{snapshot.total} tasks"]
        if snapshot.failed:
            parts.append(f"{snapshot.failed} failed")
        if snapshot.done and left is not None and snapshot.done < snapshot.total:
            parts.append(f"{rate:.3g}/s, about {left:.0f} s left")
        parts += [f"{pilot.name} {pilot.state}" for pilot in snapshot.pilots]
        print("; ".join(parts), file=self._stream, flush=True)


class LiveProgress:
    """A bar with counts, rate and time left, and a line of pilots, redrawn in place."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bars

        self._clock = clock
        self._began = clock()
        self._bars = Bars(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tasks  {task.fields[pace]}  {task.fields[pilots]}", markup=False),
            console=Console(file=stream),
            transient=True,
        )
        self._bar: TaskID = self._bars.add_task("", total=None, pace="", pilots="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def update(self, snapshot: Snapshot) -> None:
        """Redraw."""
        rate, left = rate_and_remaining(snapshot.done, snapshot.total, self._clock() - self._began)
        pace = f"{rate:.3g}/s"
        if snapshot.done and left is not None:
            pace += f"  {left:.0f} s left"
        if snapshot.failed:
            pace += f"  {snapshot.failed} failed"
        pilots = ", ".join(f"{pilot.name} {pilot.state}" for pilot in snapshot.pilots)
        self._bars.update(self._bar, completed=snapshot.done, total=snapshot.total, pace=pace, pilots=pilots)
