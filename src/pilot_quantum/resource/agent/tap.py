"""A loop whose events go elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pilot_quantum.resource.engines.events import EngineEvent, Leftover, Loop


class Tap:
    """Implements `Loop` by another one, but for the events, which `emit` gets."""

    def __init__(self, loop: Loop, emit: Callable[[EngineEvent], None]) -> None:
        self._loop = loop
        self._emit = emit

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        """Call `ready` whenever `fd` can be read (with `write`: or written)."""
        self._loop.watch(fd, ready, write=write)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`."""
        self._loop.unwatch(fd)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        """Call `fn` after `delay` seconds."""
        self._loop.call_later(delay, fn)

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Call `fn` on the loop's thread."""
        self._loop.call_soon(fn)

    def emit(self, event: EngineEvent) -> None:
        """Report an event, elsewhere."""
        self._emit(event)

    def deliver(self, leftovers: Sequence[Leftover], stdout: Path, stderr: Path) -> None:
        """Hand over what attempts left."""
        self._loop.deliver(leftovers, stdout, stderr)

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""
        return self._loop.function(digest)
