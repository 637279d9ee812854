"""Commands take seconds: they run in a few threads, and what comes of them comes back on the loop's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pilot_quantum.resource.engines.events import Loop

T = TypeVar("T")


class Threads:
    """A small pool. `done` and `failed` are called on the loop's thread."""

    def __init__(self, loop: Loop, size: int = 4) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="pilot-quantum-batch")

    def run(
        self, work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> Future[T] | None:
        """Do `work` in a thread. None when the pool is closed: then nothing is done."""

        def told(future: Future[T]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                result = future.result()
                self._loop.call_soon(lambda: done(result))
            elif isinstance(error, Exception):
                self._loop.call_soon(lambda: failed(error))

        try:
            future = self._pool.submit(work)
        except RuntimeError:  # closed meanwhile
            return None
        future.add_done_callback(told)
        return future

    def close(self) -> None:
        """Take no more work; what runs ends by its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
