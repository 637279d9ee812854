"""The handle of one call of a primitive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus

from pilot_quantum.workload.batch import Batch, BatchState

_STATUS = {
    BatchState.QUEUED: JobStatus.QUEUED,
    BatchState.RUNNING: JobStatus.RUNNING,
    BatchState.DONE: JobStatus.DONE,
    BatchState.FAILED: JobStatus.ERROR,
    BatchState.CANCELLED: JobStatus.CANCELLED,
}


class PilotJob(BasePrimitiveJob[PrimitiveResult, JobStatus]):  # type: ignore[misc]
    """A call on its way, as `qiskit.primitives.PrimitiveJob`; its units run on the session's pilots."""

    def __init__(self, batch: Batch[Any], assemble: Callable[[Mapping[Any, Any]], PrimitiveResult]) -> None:
        super().__init__(str(uuid.uuid4()))
        self._batch = batch
        self._assemble: Callable[[Mapping[Any, Any]], PrimitiveResult] | None = assemble
        self._result: PrimitiveResult | None = None

    def result(self, timeout: float | None = None) -> PrimitiveResult:
        """The result of all PUBs, when every unit has ended.

        timeout: seconds to wait before a TimeoutError; None waits without end. Raises the error of the first unit
        that failed (the others are cancelled), with its PUB in a note; CancelledError after a cancel.
        """
        values = self._batch.results(timeout)
        if self._result is None and self._assemble is not None:
            self._result = self._assemble(values)
        return self._result

    def status(self) -> JobStatus:
        """Where the call is, in Qiskit's words."""
        return _STATUS[self._batch.state]

    def cancel(self) -> bool:
        """Cancel every unit that has not ended; whether there was one."""
        return self._batch.cancel()

    def done(self) -> bool:
        """Whether all units have ended well."""
        return self._batch.state is BatchState.DONE

    def running(self) -> bool:
        """Whether a unit has begun, and not all have ended."""
        return self._batch.state is BatchState.RUNNING

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self._batch.state is BatchState.CANCELLED

    def in_final_state(self) -> bool:
        """Whether the call has ended, one way or another."""
        return self._batch.state not in (BatchState.QUEUED, BatchState.RUNNING)
