"""Expectation values through a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BaseEstimatorV2, PrimitiveResult
from qiskit.primitives.containers import EstimatorPubLike

from pilot_quantum.interfaces.qiskit.job import PilotJob
from pilot_quantum.interfaces.qiskit.options import EstimatorOptions, merged
from pilot_quantum.interfaces.qiskit.primitive import Dispatcher, Reading
from pilot_quantum.interfaces.qiskit.pubs import check_estimator, estimator_pubs
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.blocks import UnitKey, entropy_of
from pilot_quantum.workload.estimation import Estimation
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, cancel_unshipped
from pilot_quantum.workload.units import estimate

if TYPE_CHECKING:
    from pilot_quantum.dreamer.experience import Experience
    from pilot_quantum.interfaces.qiskit.planned import PlannedCalls
    from pilot_quantum.workload.planned.plans import Planner


class Estimator(BaseEstimatorV2):  # type: ignore[misc]
    """`session.estimator()`: Qiskit's BaseEstimatorV2 on the session's pilots, simulated by Qiskit Aer or as planned.

    submitter: what units are handed to, a session or its `with_options(...)`. resources: gives the pilots' profiles.
    cancel: ends tasks that have begun, too: the session's.
    default_precision: standard error where neither PUB nor call names one; 0 (the default) gives exact values.
    seed: of the noise that a precision above 0 asks for; the same seed gives the same values on any number of
    workers. None draws one for each call and keeps it in the result's metadata. strategy: None runs circuits as they
    are. "auto" runs each PUB in the way that Q-Dreamer predicts to be the fastest on the session's pilots; another
    strategy is a kind of way, such as "lightning", "mps" or "cut", or the name of a candidate, such as
    "cone+lightning". Plans are kept for circuits of one structure, whatever their angles; the result's metadata names
    the way and the seconds that planning took. options: a dict with these three. planner: makes the plans. experience:
    learns from what they took; the session's.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        *,
        cancel: Cancel = cancel_unshipped,
        default_precision: float | None = None,
        seed: int | None = None,
        strategy: str | None = None,
        options: EstimatorOptions | Mapping[str, Any] | None = None,
        planner: Planner | None = None,
        experience: Experience | None = None,
    ) -> None:
        self._cancel = cancel
        self._submitter, self._resources = submitter, resources
        self._planner, self._experience = planner, experience
        self._dispatcher = Dispatcher(submitter, resources, "estimator")
        keywords = {"default_precision": default_precision, "seed": seed, "strategy": strategy}
        self._options = merged(EstimatorOptions(), options, keywords)
        if self._options.strategy is not None:
            from pilot_quantum.interfaces.qiskit.planned import check_strategy

            check_strategy(self._options.strategy)

    @property
    def options(self) -> EstimatorOptions:
        """What is used where a call does not say; may be changed."""
        return self._options

    @property
    def default_precision(self) -> float:
        """The standard error where neither PUB nor call names one."""
        return self._options.default_precision

    @property
    def seed(self) -> int | None:
        """The seed of the noise; None draws one for each call."""
        return self._options.seed

    def run(self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None) -> PilotJob:
        """Start estimating and return the job, at once.

        pubs: tuples (circuit, observables, parameter values, precision), the last two where there are any.
        precision: standard error for PUBs that name none. Raises, before anything is submitted: CircuitError for a
        PUB that cannot be meant, CircuitTooLargeError for one that no pilot has the memory for, TypeError.
        """
        checked = estimator_pubs(pubs, self._options.default_precision if precision is None else precision)
        entropy = entropy_of(self._options.seed)
        reading = Reading()
        traits = [reading.traits(pub.circuit) for pub, _ in checked]
        for index, ((pub, _), each) in enumerate(zip(checked, traits, strict=True)):
            check_estimator(index, pub, each)
        if self._options.strategy is not None:
            return self._planned.job(checked, self._options.strategy, entropy)
        self._dispatcher.check([pub.circuit for pub, _ in checked], traits)
        parts = [
            Estimation(index, pub, values, each, reading.blob(pub.circuit))
            for index, ((pub, values), each) in enumerate(zip(checked, traits, strict=True))
        ]
        futures = []
        for part, each in zip(parts, traits, strict=True):
            submit = self._dispatcher.submitter(each).submit
            futures += [(key, submit(estimate, *arguments)) for key, arguments in part.units()]

        def assemble(found: Mapping[UnitKey, Any]) -> PrimitiveResult:
            results = [part.result(found, entropy) for part in parts]
            return PrimitiveResult(results, metadata={"version": 2, "seed": entropy})

        return PilotJob(Batch(futures, self._cancel), assemble)

    @cached_property
    def _planned(self) -> PlannedCalls:
        from pilot_quantum.interfaces.qiskit.planned import PlannedCalls

        return PlannedCalls(self._submitter, self._resources, self._cancel, self._planner, self._experience)
