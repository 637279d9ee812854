"""A plan as data."""

from __future__ import annotations

import msgspec

from pilot_quantum.dreamer.planning.candidate import Candidate


class PlanData(msgspec.Struct, frozen=True):
    """A plan as data. cone_qubits, cone_gates: what the observables depend on. Names as in `Plan` and `Candidate`."""

    circuit: str
    structure: str
    qubits: int
    gates: int
    cone_qubits: int
    cone_gates: int
    observables: tuple[str, ...]
    terms: int
    pilots: tuple[str, ...]
    target_error: float
    best: str
    front: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...]
    planning_seconds: float
