"""A cut circuit's answer on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from pilot_quantum.workload.batch import Batch, BatchState
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.parts import Part
from pilot_quantum.workload.cutting.sampled import SampledExpectation, SampledValues

Answer = TypeVar("Answer")


class CutJob(Generic[Answer]):
    """Parts under way, and how their outcomes become the answer: a pure function of them by their keys."""

    def __init__(self, batch: Batch[PartKey], assemble: Callable[[Mapping[PartKey, Any]], Answer]) -> None:
        self._batch = batch
        self._assemble = assemble

    def result(self, timeout: float | None = None) -> Answer:
        """Wait for the answer. timeout: seconds, then TimeoutError. Raises the error of the first part that failed."""
        return self._assemble(self._batch.results(timeout))

    def cancel(self) -> bool:
        """Cancel what has not ended; whether there was anything."""
        return self._batch.cancel()

    @property
    def state(self) -> BatchState:
        """How far the parts are."""
        return self._batch.state


class SampledJob:
    """Two draws, one after the other: the second is handed over by whoever waits first, once the first has ended.

    submit: hands parts to the pilots.
    """

    def __init__(
        self,
        expectation: SampledExpectation,
        submit: Callable[[Iterable[tuple[PartKey, Part]]], Batch[PartKey]],
    ) -> None:
        self._expectation, self._submit = expectation, submit
        self._first = submit(expectation.first())
        self._second: Batch[PartKey] | None = None
        self._lock = Lock()

    def result(self, timeout: float | None = None) -> SampledValues:
        """Wait for the estimates. timeout: seconds, then TimeoutError. Raises the first error of a part."""
        deadline = None if timeout is None else monotonic() + timeout
        first = self._first.results(timeout)
        with self._lock:
            if self._second is None:
                self._second = self._submit(self._expectation.second(first))
            second = self._second
        left = None if deadline is None else max(0.0, deadline - monotonic())
        return self._expectation.result(first, second.results(left))

    def cancel(self) -> bool:
        """Cancel what has not ended; whether there was anything. A second draw that has not begun will fail at once."""
        cancelled = self._first.cancel()
        return (self._second is not None and self._second.cancel()) or cancelled
