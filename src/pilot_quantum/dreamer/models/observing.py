"""What reading expectation values from a state vector takes (`workload/pauli.py` is what does it)."""

from __future__ import annotations

from collections.abc import Sequence

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.dreamer.prediction import Units


def observing(terms: Sequence[Letters], qubits: int) -> Units:
    """Units of evaluating these Pauli strings in a state of 2^qubits amplitudes.

    Strings that flip the same qubits share their products; each such group is a pass over the state ("observe", in
    amplitudes), and each string costs by itself ("string").
    """
    flips = {frozenset(qubit for qubit, letters in term.items() if letters != "Z") for term in terms}
    return {"observe": len(flips) * 2.0**qubits, "string": float(len(terms))}
