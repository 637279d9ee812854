"""Plans on a session's pilots."""

from __future__ import annotations

from reprlib import repr as short

import numpy as np

from pilot_quantum.dreamer.experience import Experience
from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.errors import CircuitError, InvalidDescriptionError
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.planned.elements import Elements
from pilot_quantum.workload.planned.job import PlanJob
from pilot_quantum.workload.planned.methods import refuse_qpu
from pilot_quantum.workload.planned.prepare import Crew
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, cancel_unshipped


class PlanRunner:
    """Carries plans out as their `best` says, and never otherwise.

    submitter: what tasks are handed to, a session's `with_options(...)`. resources: gives the pilots' profiles.
    cancel: ends tasks that have begun, too: the session's. experience: learns from what plans took; the session's.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        cancel: Cancel = cancel_unshipped,
        experience: Experience | None = None,
    ) -> None:
        self._crew = Crew(submitter, resources, cancel, "plan", experience)

    def run(self, plan: Plan) -> PlanJob:
        """Start at once: a task for each circuit of the plan, or for each part of a cut one.

        Raises, before anything is submitted: InvalidDescriptionError for what is no plan, CircuitError for parameters
        without values, CircuitTooLargeError where no pilot has the memory, UnsatisfiableError for a plan that needs a
        quantum processor.
        """
        if not isinstance(plan, Plan):
            raise InvalidDescriptionError(
                f"{short(plan)} is a {type(plan).__name__}, not a plan. Make one: "
                "plan = pq.dreamer.plan(circuit, observable, session.resources()); or, for a function, session.submit."
            )
        question, candidate = plan.question, plan.best
        refuse_qpu(candidate, plan.candidates)
        if question.circuit.num_parameters:
            names = ", ".join(parameter.name for parameter in question.circuit.parameters)
            raise CircuitError(
                f"the plan's circuit {question.circuit.name!r} has parameters without values ({names}): bind them "
                "before planning, or give values to session.estimator(strategy='auto')."
            )
        elements = Elements.all(len(question.observables))
        prepared = self._crew.prepare(question, candidate, np.zeros((1, 0)), elements)
        return PlanJob(plan, Batch(prepared.futures(), self._crew.cancel), prepared.values)
