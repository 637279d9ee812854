"""The agent's loop: asyncio, with the face that engines and channels know. What engines report goes to a sink."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pilot_quantum.resource.agent.capture import LONGEST
from pilot_quantum.resource.agent.messages import SentRow
from pilot_quantum.resource.engines.events import EngineEvent, Leftover


class Sink(Protocol):
    """Who hears what an engine reports, and knows functions."""

    def emit(self, event: EngineEvent) -> None:
        """An event."""

    def deliver_rows(self, rows: Sequence[SentRow]) -> None:
        """What attempts left, before the Outcomes that speak of them."""

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""


class AgentLoop:
    """Implements `Loop` on a running asyncio loop. A callback that raises ends the agent: `failed(words)`."""

    def __init__(self, running: asyncio.AbstractEventLoop, failed: Callable[[str], None]) -> None:
        self.asyncio = running
        """For engines whose libraries are asyncio's."""
        self.sink: Sink | None = None
        self._failed = failed

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        """Call `ready` whenever `fd` can be read (with `write`: or written)."""
        self.asyncio.add_reader(fd, self._call, ready)
        if write:
            self.asyncio.add_writer(fd, self._call, ready)
        else:
            self.asyncio.remove_writer(fd)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`."""
        if fd >= 0:
            self.asyncio.remove_reader(fd)
            self.asyncio.remove_writer(fd)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        """Call `fn` after `delay` seconds."""
        self.asyncio.call_later(delay, self._call, fn)

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Call `fn` on the loop's thread; from any thread."""
        try:
            self.asyncio.call_soon_threadsafe(self._call, fn)
        except RuntimeError:
            if not self.asyncio.is_closed():
                raise

    def emit(self, event: EngineEvent) -> None:
        """Report an event."""
        self._sink().emit(event)

    def deliver(self, leftovers: Sequence[Leftover], stdout: Path, stderr: Path) -> None:
        """Hand over what attempts left; what they printed is read from the files."""
        self.deliver_rows([(outcome, value, _read(output, stdout, stderr)) for outcome, value, output in leftovers])

    def deliver_rows(self, rows: Sequence[SentRow]) -> None:
        """The same, with what was printed in the rows."""
        self._sink().deliver_rows(rows)

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""
        return self._sink().function(digest)

    def _sink(self) -> Sink:
        if self.sink is None:
            raise AssertionError("the agent's loop was used before it was told whom to report to")
        return self.sink

    def _call(self, fn: Callable[[], None]) -> None:
        try:
            fn()
        except Exception as error:  # noqa: BLE001 - a defect: the agent ends, and says why
            traceback.print_exc()
            self._failed(f"a defect of its agent: {type(error).__name__}: {error}")


def _read(output: tuple[int, int, int, int] | None, stdout: Path, stderr: Path) -> tuple[bytes, bytes] | None:
    if output is None:
        return None
    return _range(stdout, *output[:2]), _range(stderr, *output[2:])


def _range(path: Path, begin: int, end: int) -> bytes:
    """The last bytes of a range of a file; empty where it is gone."""
    begin = max(begin, end - LONGEST)
    if begin >= end:
        return b""
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), end - begin, begin)
    except OSError:  # the task has removed it
        return b""
