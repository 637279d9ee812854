"""A probe for the planner: a circuit run as a matrix-product state on a pilot, to see how long that takes."""

from __future__ import annotations

from math import inf

from qiskit.circuit import QuantumCircuit

from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.workload.calibrate import Seconds, asked, timed
from pilot_quantum.workload.submitter import Cancel, Submitter, cancel_unshipped, simulating


class PilotProbe:
    """Probes on a session's pilots. submitter, cancel: the session's; `cancel` ends a probe that takes too long."""

    def __init__(self, submitter: Submitter, cancel: Cancel = cancel_unshipped) -> None:
        self._submitter = submitter.with_options(needs=simulating(submitter.options.needs, 0), name="probe")
        self._cancel = cancel
        self._warm = False

    def __call__(self, circuit: QuantumCircuit, seconds: float) -> float:
        """The seconds that `circuit` takes, `inf` where more than `seconds`. Raises what the task raises."""
        if not self._warm:  # a worker's first simulation pays for imports
            small = QuantumCircuit(2)
            small.cx(0, 1)
            asked(self._submitter, timed, MPS, small, {0: "Z"}, cancel=self._cancel)
            self._warm = True
        future = self._submitter.submit(timed, MPS, circuit, {0: "Z"})
        try:
            found: Seconds = future.result(seconds)
        except TimeoutError:
            self._cancel(future)
            return inf
        except BaseException:
            self._cancel(future)
            raise
        return found.cold
