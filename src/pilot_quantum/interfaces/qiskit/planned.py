"""Calls of an estimator that has a strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from qiskit.primitives import PrimitiveResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from pilot_quantum.dreamer.experience import Experience
from pilot_quantum.dreamer.planning.planner import examine
from pilot_quantum.interfaces.qiskit.job import PilotJob
from pilot_quantum.interfaces.qiskit.pubs import Checked
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.flatten import as_gates
from pilot_quantum.workload.planned.estimation import PlannedEstimation, PubKey
from pilot_quantum.workload.planned.plans import Planner, Plans
from pilot_quantum.workload.planned.prepare import Crew
from pilot_quantum.workload.planned.strategies import check_strategy
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter

__all__ = ["PlannedCalls", "check_strategy"]


class PlannedCalls:
    """Plans PUBs and starts them; keeps plans from call to call. planner: None for Q-Dreamer's.

    The others are as in `Estimator`.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        cancel: Cancel,
        planner: Planner | None,
        experience: Experience | None,
    ) -> None:
        # Estimators are called in loops, so that workers have run a structure before.
        self._plans = Plans(planner or partial(examine, warm=True), resources)
        self._crew = Crew(submitter, resources, cancel, "estimator", experience)
        self._cancel = cancel

    def job(self, checked: Sequence[Checked[EstimatorPub]], strategy: str, entropy: int) -> PilotJob:
        """Start all PUBs of a call, once all are planned. Raises what `Estimator.run` does."""
        check_strategy(strategy)
        circuits = {id(pub.circuit): pub.circuit for pub, _ in checked}
        gates = {key: as_gates(circuit) for key, circuit in circuits.items()}
        parts = [
            PlannedEstimation(index, pub, values, gates[id(pub.circuit)], strategy, self._plans, self._crew)
            for index, (pub, values) in enumerate(checked)
        ]
        futures = [one for part in parts for one in part.futures()]

        def assemble(found: Mapping[PubKey, Any]) -> PrimitiveResult:
            results = [part.result(found, entropy) for part in parts]
            return PrimitiveResult(results, metadata={"version": 2, "seed": entropy})

        return PilotJob(Batch(futures, self._cancel), assemble)
