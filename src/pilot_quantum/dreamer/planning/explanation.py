"""A plan in words: what was asked, every candidate with what it would take, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.resource.units import format_bytes

if TYPE_CHECKING:
    from pilot_quantum.dreamer.planning.plan import Plan

LARGEST_TERMS = 3
"""Terms of the chosen candidate's prediction that are named."""

CHOSEN, REFUSED = "chosen", "refused"


def explained(plan: Plan) -> str:
    """The plan as lines of text."""
    return "\n".join(_lines(plan))


def seconds_of(amount: float) -> str:
    """Predicted seconds for people: 12 ms, 3.4 s, 2.1 h, 4e+09 years."""
    for size, unit in ((1e-3, "µs"), (1.0, "ms"), (120.0, "s"), (7200.0, "min"), (172800.0, "h"), (3e7, "days")):
        if amount < size:
            scale = {"µs": 1e6, "ms": 1e3, "s": 1.0, "min": 1 / 60, "h": 1 / 3600, "days": 1 / 86400}[unit]
            return f"{amount * scale:.3g} {unit}"
    return f"{amount / 31557600:.3g} years"


def row(plan: Plan, candidate: Candidate) -> tuple[str, str, str, str, str, str]:
    """One candidate: verdict, name, seconds, their range, memory, error."""
    prediction = candidate.prediction
    verdict = CHOSEN if candidate.name == plan.best.name else REFUSED if candidate.refused else ""
    error = "exact" if candidate.exact else f"{candidate.error:.2g}"
    spread = f"{seconds_of(prediction.low)} to {seconds_of(prediction.high)}"
    memory = format_bytes(prediction.memory) if prediction.memory else "-"
    return verdict, candidate.name, seconds_of(prediction.seconds), spread, memory, error


def asked(plan: Plan) -> str:
    """The question in a line."""
    question = plan.question
    terms, observables = len(question.terms), len(question.observables)
    cone = question.whole.skeleton
    return (
        f"circuit {question.circuit.name!r}: {question.skeleton.qubits} qubits, {len(question.skeleton)} gates; "
        f"{_count(terms, 'Pauli string')} in {_count(observables, 'observable')}, on which {cone.qubits} qubits and "
        f"{len(cone)} gates have an influence"
    )


def reasons(plan: Plan) -> Iterator[str]:
    """What speaks against candidates that were refused, what was not weighed, and what the best one's time goes to."""
    best = plan.best.prediction
    largest = sorted(best.terms.items(), key=lambda item: -item[1])[:LARGEST_TERMS]
    spent = ", ".join(f"{name} {seconds_of(seconds)}" for name, seconds in largest)
    yield f"{plan.best.name}: {spent}" if spent else plan.best.name
    for candidate in plan.candidates:
        if candidate.refused:
            yield f"{candidate.name}: {candidate.refused}"
    yield from plan.notes
    if plan.best.surprise != 1:
        yield f"{plan.best.name}: that is {plan.best.surprise:.2f} times what rates say, as runs like it were so far"
    if best.assumed:
        yield "rates are assumed, to a factor of 3 either way: measure them with pilot-quantum dreamer calibrate"


def _lines(plan: Plan) -> Iterator[str]:
    yield asked(plan)
    rows = [row(plan, candidate) for candidate in plan.candidates]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    for reason in reasons(plan):
        yield f"- {reason}"
    yield f"planned in {seconds_of(plan.seconds)}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
