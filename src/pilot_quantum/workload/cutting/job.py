"""A cut circuit's answer on its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from pilot_quantum.workload.batch import Batch, BatchState
from pilot_quantum.workload.cutting.keys import PartKey

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
