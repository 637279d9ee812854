"""A plan's answer on its way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.workload.batch import Batch, BatchState

Floats = NDArray[np.float64]


class PlanJob:
    """What `session.run(plan)` returns. plan: as it is carried out."""

    def __init__(self, plan: Plan, batch: Batch[Hashable], values: Callable[[Mapping[Any, Any]], Floats]) -> None:
        self.plan = plan
        self._batch = batch
        self._values = values

    def result(self, timeout: float | None = None) -> float | Floats:
        """The observables' values in the shape in which they were given; a number where there is one alone.

        timeout: seconds to wait, then TimeoutError. Raises the error of the first task that failed; CancelledError
        after a cancel.
        """
        values = self._values(self._batch.results(timeout))
        shape = self.plan.question.shape
        return values.reshape(shape) if shape else float(values[0])

    def cancel(self) -> bool:
        """Cancel what has not ended; whether there was anything."""
        return self._batch.cancel()

    @property
    def tasks(self) -> tuple[Future[Any], ...]:
        """The futures of its tasks; `session.cancel` and `session.explain` take the job itself, too."""
        return self._batch.futures

    @property
    def state(self) -> BatchState:
        """How far the tasks are."""
        return self._batch.state
