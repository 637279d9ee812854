"""Results of shipped circuits against their exact references."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from pilot_quantum.circuit.observable import parse_observable
from pilot_quantum.circuit.program import Program
from pilot_quantum.circuit.reference import expectation, probabilities, state
from pilot_quantum.circuit.sampling import impossible_outcomes, total_variation, total_variation_bound
from pilot_quantum.cli.outcome import CircuitOutcome

TOLERANCE = 1e-9
"""Largest difference of an exact value from its reference: rounding of 64-bit floats stays below 1e-12."""


class Check(msgspec.Struct, frozen=True):
    """One value, or the samples of one circuit, against the exact reference.

    observable: or the number of shots. value, exact: an expectation value; for samples the probability of the likeliest
    outcome, seen and exact. difference: of the values; for samples the total variation distance of the counts from
    the exact distribution. bound: what the difference may be. problem: what is wrong, or empty.
    """

    circuit: str
    qubits: int
    family: str
    observable: str = ""
    value: float | None = None
    exact: float | None = None
    difference: float | None = None
    bound: float | None = None
    problem: str = ""
    pilots: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem

    @property
    def sampled(self) -> bool:
        """Whether this is about samples, not about an exact value."""
        return self.observable.endswith(" shots")


def checks(program: Program, outcome: CircuitOutcome) -> Iterator[Check]:
    """Everything that `outcome` says about `program`, checked. Takes 2^qubits amplitudes of 16 bytes."""
    empty = Check(program.name, program.qubits, program.family, pilots=outcome.pilots, seconds=outcome.seconds)
    if outcome.state != "done":
        yield replace(empty, problem=outcome.error or outcome.state)
        return
    psi = state(program)
    for found in outcome.values:
        exact = expectation(psi, parse_observable(found.observable))
        difference = abs(found.value - exact)
        yield replace(
            empty,
            observable=found.observable,
            value=found.value,
            exact=exact,
            difference=difference,
            bound=TOLERANCE,
            problem="" if difference <= TOLERANCE else "differs from the exact value",
        )
    if outcome.counts is not None:
        yield _sampled(empty, probabilities(psi, program.measured or program.qubits), outcome.counts)


def _sampled(empty: Check, exact: dict[str, float], counts: dict[str, int]) -> Check:
    shots = sum(counts.values())
    likeliest = max(exact, key=lambda outcome: (exact[outcome], outcome))
    difference, bound = total_variation(counts, exact), total_variation_bound(exact, shots)
    problem = "" if difference <= bound else "the samples do not follow the exact distribution"
    if impossible := impossible_outcomes(counts, exact):
        problem = f"outcome {impossible[0]} is impossible"
    return replace(
        empty,
        observable=f"{shots} shots",
        value=counts.get(likeliest, 0) / shots,
        exact=exact[likeliest],
        difference=difference,
        bound=bound,
        problem=problem,
    )
