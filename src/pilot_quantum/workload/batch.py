"""The units of one call on their way: when all have ended, whether one failed, how to stop them."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable
from concurrent.futures import CancelledError, Future
from enum import StrEnum, auto
from typing import Any, Generic, TypeVar

from pilot_quantum.workload.submitter import Cancel, cancel_unshipped

Key = TypeVar("Key", bound=Hashable)


class BatchState(StrEnum):
    """`queued` until a unit has begun; `failed` and `cancelled` from the first unit that is."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()


class Batch(Generic[Key]):
    """Futures of units by their keys. The first failure cancels the others.

    cancel: ends tasks in any state. A key's `str` says in an error's note which unit it is.
    """

    def __init__(self, futures: Iterable[tuple[Key, Future[Any]]], cancel: Cancel = cancel_unshipped) -> None:
        self._cancel = cancel
        self._futures = dict(futures)
        self._lock = threading.Lock()
        self._left = set(self._futures)  # a set: a unit may be reported more than once
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        if not self._futures:
            self._ended.set()
        for key, future in self._futures.items():
            future.add_done_callback(lambda future, key=key: self._on_end(key, future))  # type: ignore[misc]

    def results(self, timeout: float | None = None) -> dict[Key, Any]:
        """What every unit returned, when all have. Raises the error of the first that failed, with its unit named.

        timeout: seconds to wait, then TimeoutError; None waits without end. Raises CancelledError after a cancel.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"{len(self._left)} of {len(self._futures)} units had not ended after {timeout} s.")
        if self._failure is not None:
            raise self._failure
        return {key: future.result() for key, future in self._futures.items()}

    def cancel(self) -> bool:
        """Cancel every unit that has not ended; whether there was one. The call counts as cancelled at once."""
        with self._lock:
            alive = not self._ended.is_set()
            if alive:
                self._failure = CancelledError()
                self._ended.set()
        if alive:
            self._stop()
        return alive

    @property
    def futures(self) -> tuple[Future[Any], ...]:
        """One for each unit."""
        return tuple(self._futures.values())

    @property
    def state(self) -> BatchState:
        """How far the units are."""
        if self._failure is not None:
            cancelled = isinstance(self._failure, CancelledError)
            return BatchState.CANCELLED if cancelled else BatchState.FAILED
        if self._ended.is_set():
            return BatchState.DONE
        begun = any(future.running() or future.done() for future in self._futures.values())
        return BatchState.RUNNING if begun else BatchState.QUEUED

    def _on_end(self, key: Key, future: Future[Any]) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        with self._lock:
            self._left.discard(key)
            first = error is not None and self._failure is None
            if first:
                self._failure = error
            if not self._left or first:
                self._ended.set()
        if first and error is not None:
            error.add_note(f"Raised in {key}.")
            self._stop()

    def _stop(self) -> None:
        alive = [future for future in self._futures.values() if not future.done()]
        if alive:
            self._cancel(*alive)
