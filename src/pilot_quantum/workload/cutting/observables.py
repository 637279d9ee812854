"""Observables as sums over distinct Pauli strings, and what each string is on each fragment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import ObservablesArray
from qiskit.primitives.containers.observables_array import ObservablesArrayLike

from pilot_quantum.circuit.fragments import CutCircuit
from pilot_quantum.errors import CircuitError
from pilot_quantum.workload.pauli import PauliTerms, paulis_of

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class PauliSums:
    """Observables over common strings.

    terms: the distinct strings. weights: shape (observables, strings). shape: of the observables, as they were given.
    """

    terms: PauliTerms
    weights: Floats
    shape: tuple[int, ...]

    @property
    def qubits(self) -> list[int]:
        """Those that some string acts on, rising."""
        return [int(qubit) for qubit in np.flatnonzero((self.terms.x | self.terms.z).any(axis=0))]


@dataclass(frozen=True, slots=True, eq=False)
class LocalTerms:
    """The strings on one fragment. distinct: on its qubits kept, lowest first. which: of those each string has."""

    distinct: PauliTerms
    which: Indices


def pauli_sums(observables: ObservablesArrayLike, qubits: int) -> PauliSums:
    """The observables (as Qiskit's Estimator takes them) of a circuit of `qubits` qubits. Raises CircuitError."""
    try:
        array = ObservablesArray.coerce(observables)
    except (ValueError, TypeError) as error:
        raise CircuitError(f"observables {observables!r} cannot be used: {error}") from error
    if array.size == 0:
        raise CircuitError("no observable was given; give one, or a list of them.")
    if array.num_qubits != qubits:
        raise CircuitError(
            f"the observables are {array.num_qubits} qubits wide, but the circuit has {qubits} qubits. "
            f"Give Pauli strings of {qubits} letters."
        )
    each = [paulis_of(observable) for observable in array.sparse_observables_array().ravel()]
    rows = np.concatenate([np.hstack([terms.x, terms.z]) for terms, _ in each])
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    weights = np.zeros((len(each), len(distinct)))
    owner = np.repeat(np.arange(len(each)), [len(terms) for terms, _ in each])
    np.add.at(weights, (owner, inverse.reshape(-1)), np.concatenate([coefficients for _, coefficients in each]))
    return PauliSums(PauliTerms(distinct[:, :qubits], distinct[:, qubits:]), weights, array.shape)


def on_fragments(terms: PauliTerms, cut: CutCircuit) -> tuple[list[LocalTerms], Floats]:
    """The strings on every fragment, and the factor of idle qubits, in state 0: 1, or 0 under X or Y."""
    idle = sorted(cut.idle)
    factors = np.where(terms.x[:, idle].any(axis=1), 0.0, 1.0)
    found = []
    for fragment in cut.fragments:
        ends = [end for end in fragment.ends if end is not None]
        rows = np.hstack([terms.x[:, ends], terms.z[:, ends]])
        distinct, which = np.unique(rows, axis=0, return_inverse=True)
        found.append(LocalTerms(PauliTerms(distinct[:, : len(ends)], distinct[:, len(ends) :]), which.reshape(-1)))
    return found, factors


def combinations(local: Sequence[LocalTerms], strings: int) -> tuple[Indices, Indices]:
    """The distinct rows of local strings, one column a fragment, and the row of each of the `strings`."""
    if not local:
        return np.zeros((1, 0), dtype=np.intp), np.zeros(strings, dtype=np.intp)
    table = np.stack([each.which for each in local], axis=1)
    rows, of = np.unique(table, axis=0, return_inverse=True)
    return rows, of.reshape(-1)
