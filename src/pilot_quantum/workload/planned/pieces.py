"""A plan's circuits with the Pauli strings that are read from each: what runs as it is, in one task or in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.light_cone import Cone, kept
from pilot_quantum.circuit.updates import blocks, evolution_updates
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.question import Question, Sum
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.blocks import bindings_per_unit, least_per_unit
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.pauli import PauliTerms
from pilot_quantum.workload.planned.elements import Elements, Floats, Indices, distinct_rows, grouped
from pilot_quantum.workload.planned.keys import PieceKey
from pilot_quantum.workload.planned.reading import pauli_terms
from pilot_quantum.workload.traits import Traits, traits_of
from pilot_quantum.workload.units import Work

Arguments = tuple[Work, PauliTerms, tuple[Indices, ...] | None]


@dataclass(frozen=True, eq=False)
class Piece:
    """One circuit of a plan. positions: of its strings in `Question.terms`, identities left out; terms: the strings."""

    circuit: QuantumCircuit
    positions: Indices
    terms: PauliTerms
    traits: Traits


def pieces_of(question: Question, candidate: Candidate, method: Method) -> list[Piece]:
    """What `candidate` runs; nothing for identities, which are 1."""
    found = []
    for circuit, positions, letters in question.circuits(candidate):
        if circuit.num_clbits and not method.amplitudes:  # Aer would read strings after the measurements
            circuit = kept(circuit, question.skeleton, _all_of(question)).circuit
        real = [(position, each) for position, each in zip(positions, letters, strict=True) if each]
        if real:
            terms = pauli_terms([each for _, each in real], circuit.num_qubits)
            places = np.array([position for position, _ in real], dtype=np.intp)
            found.append(Piece(circuit, places, terms, traits_of(circuit)))
    return found


def _all_of(question: Question) -> Cone:
    return Cone(tuple(range(len(question.skeleton))), tuple(range(question.skeleton.qubits)))


class PieceRun:
    """A piece with all bindings: each distinct row of the parameters that it has is run once.

    index: among its plan's. values: shape (bindings, parameters of the piece). sums: of the question.
    """

    def __init__(
        self, index: int, piece: Piece, method: Method, values: Floats, elements: Elements, sums: Sequence[Sum]
    ) -> None:
        self._index, self._piece, self._method, self._elements = index, piece, method, elements
        self._places, self._weights = _reading(piece, sums)
        self._rows, self._row_of = distinct_rows(values)
        self._wanted = None if elements.complete or len(self._rows) == 1 else self._by_row()
        self._blob = to_blob(piece.circuit, piece.traits.standard)
        updates = evolution_updates(piece.traits.instructions + len(piece.terms), piece.traits.active_qubits)
        size = bindings_per_unit(updates) if method.amplitudes else 1
        size = max(size, least_per_unit(len(self._rows), len(self._blob)))
        self._blocks = tuple(blocks(len(self._rows), size))

    def units(self) -> Iterator[tuple[PieceKey, Arguments]]:
        """What `workload.units.estimate` is to be called with."""
        for i, block in enumerate(self._blocks):
            work = Work(self._blob, self._rows[block], self._method)
            if self._wanted is None:
                yield PieceKey(self._index, i), (work, self._piece.terms, None)
            else:
                wanted = self._wanted[block]
                union = np.unique(np.concatenate(wanted))
                places = tuple(np.searchsorted(union, each) for each in wanted)
                yield PieceKey(self._index, i), (work, self._piece.terms.only(union), places)

    def add(self, found: Mapping[Any, Floats], evs: Floats) -> None:
        """Add what the piece's strings are worth to the value of every element."""
        if not self._blocks:
            return
        values = np.concatenate([found[PieceKey(self._index, i)] for i in range(len(self._blocks))])
        row_of = self._row_of[self._elements.binding]
        if self._wanted is None:
            table = values.reshape(len(self._rows), -1)
            for positions, places, weights in zip(
                self._elements.with_observable, self._places, self._weights, strict=True
            ):
                if len(positions) and len(places):
                    evs[positions] += (table[:, places] @ weights)[row_of[positions]]
            return
        starts = np.cumsum([0, *(len(each) for each in self._wanted)])
        pairs = zip(row_of.tolist(), self._elements.observable.tolist(), strict=True)
        for element, (row, observable) in enumerate(pairs):
            places = self._places[observable]
            if len(places):
                here = starts[row] + np.searchsorted(self._wanted[row], places)
                evs[element] += values[here] @ self._weights[observable]

    def _by_row(self) -> list[Indices]:
        """For each row the strings that its observables have, rising; rows that need none are dropped."""
        observables = self._elements.observable
        wanted = []
        for positions in grouped(self._row_of[self._elements.binding], len(self._rows)):
            asked = [self._places[observable] for observable in np.unique(observables[positions]).tolist()]
            wanted.append(np.unique(np.concatenate(asked)) if asked else np.zeros(0, dtype=np.intp))
        needed = np.array([len(each) > 0 for each in wanted])
        self._row_of = (np.cumsum(needed) - 1)[self._row_of]  # of rows that are dropped, no element asks
        self._rows = self._rows[needed]
        return [each for each in wanted if len(each)]


def _reading(piece: Piece, sums: Sequence[Sum]) -> tuple[list[Indices], list[Floats]]:
    """For each observable the piece's strings that it has, and their coefficients."""
    local = {position: i for i, position in enumerate(piece.positions.tolist())}
    places, weights = [], []
    for each in sums:
        here = [(local[position], coefficient) for position, coefficient in each if position in local]
        places.append(np.array([place for place, _ in here], dtype=np.intp))
        weights.append(np.array([coefficient for _, coefficient in here], dtype=float))
    return places, weights
