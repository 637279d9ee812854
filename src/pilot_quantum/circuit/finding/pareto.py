"""Candidates that no other beats in everything that matters."""

from __future__ import annotations

from collections.abc import Iterable

from pilot_quantum.circuit.finding.candidate import Candidate

_EQUAL = 1 + 1e-9  # figures closer than this do not differ


def front(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Those with the least overhead, amplitudes or number of fragments for what they have of the others.

    By rising overhead; of equals the first given stays.
    """
    ordered = sorted(candidates, key=lambda each: (each.overhead, each.amplitudes, each.fragments))
    kept: list[Candidate] = []
    for each in ordered:
        if not any(_as_good(other, each) for other in kept):
            kept = [other for other in kept if not _as_good(each, other)]
            kept.append(each)
    return tuple(kept)


def _as_good(one: Candidate, other: Candidate) -> bool:
    return (
        one.overhead <= other.overhead * _EQUAL
        and one.amplitudes <= other.amplitudes * _EQUAL
        and one.fragments <= other.fragments
    )
