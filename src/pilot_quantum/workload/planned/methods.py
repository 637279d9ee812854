"""What the planner's methods are in workers."""

from __future__ import annotations

from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.models.stabiliser import STABILISER
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.planning.candidate import QPU, Candidate
from pilot_quantum.errors import InvalidDescriptionError, UnsatisfiableError
from pilot_quantum.resource.address import unknown
from pilot_quantum.workload.memory import Method

_METHODS = {
    LIGHTNING: Method.LIGHTNING,
    AER: Method.STATEVECTOR,
    MPS: Method.MPS,
    STABILISER: Method.STABILIZER,
}


def method_named(name: str) -> Method:
    """The method that a cost model of this name predicts. Raises InvalidDescriptionError."""
    if name not in _METHODS:
        raise InvalidDescriptionError(unknown("method", name, _METHODS))
    return _METHODS[name]


def refuse_qpu(candidate: Candidate, others: tuple[Candidate, ...]) -> None:
    """Raise UnsatisfiableError where `candidate` needs a quantum processor, naming the best of `others` that does not.

    others: by predicted seconds, those that were refused last, as in a plan.
    """
    if candidate.method != QPU:
        return
    instead = next((other.name for other in others if other.method != QPU and not other.refused), "")
    remedy = (
        f"Run the best way that needs none: plan.using({instead!r})."
        if instead
        else "No simulation was proposed either: add a pilot with more memory, and plan again."
    )
    raise UnsatisfiableError(
        f"the plan's best, {candidate.name!r}, runs on the quantum processor {candidate.qpu!r}, and no pilot can be a "
        f"quantum processor yet. {remedy}"
    )
