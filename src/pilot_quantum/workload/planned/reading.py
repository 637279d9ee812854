"""A question's observables and parameters, as what runs has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.workload.cutting.observables import PauliSums
from pilot_quantum.workload.pauli import PauliTerms
from pilot_quantum.workload.planned.elements import Floats, Indices


def pauli_terms(letters: Sequence[Letters], qubits: int) -> PauliTerms:
    """Pauli strings as masks."""
    x, z = np.zeros((2, len(letters), qubits), dtype=bool)
    for row, each in enumerate(letters):
        for qubit, letter in each.items():
            x[row, qubit] = letter in "XY"
            z[row, qubit] = letter in "YZ"
    return PauliTerms(x, z)


def pauli_sums(question: Question, asked: Sequence[int]) -> PauliSums:
    """The observables at the positions `asked`, on the pruned circuit's qubits, identities left out."""
    sums = [question.sums[observable] for observable in asked]
    letters = question.whole.letters
    used = sorted({position for each in sums for position, _ in each if letters[position]})
    column = {position: i for i, position in enumerate(used)}
    weights = np.zeros((len(asked), len(used)))
    for row, each in enumerate(sums):
        for position, coefficient in each:
            if position in column:
                weights[row, column[position]] += coefficient
    terms = pauli_terms([letters[position] for position in used], len(question.whole.cone.qubits))
    return PauliSums(terms, weights, (len(asked),))


def identities(question: Question) -> Floats:
    """For each observable the coefficient of its identity, which is 1 in every state."""
    empty = {position for position, term in enumerate(question.terms) if not term}
    return np.array([sum(c for position, c in each if position in empty) for each in question.sums], dtype=float)


def columns(circuit: QuantumCircuit, part: QuantumCircuit) -> Indices:
    """Where the parameters of `part`, a part of `circuit`, are among its own."""
    place = {parameter: i for i, parameter in enumerate(circuit.parameters)}
    return np.array([place[parameter] for parameter in part.parameters], dtype=np.intp)
