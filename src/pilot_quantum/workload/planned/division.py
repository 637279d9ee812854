"""A plan's circuit in pieces: what runs of one that is cut."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import CutCircuit, cut_circuit
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.workload.cutting.expectation import CutExpectation
from pilot_quantum.workload.cutting.fleet import Fleet
from pilot_quantum.workload.planned.elements import Elements, Floats, Indices, distinct_rows, grouped
from pilot_quantum.workload.planned.keys import CutKey
from pilot_quantum.workload.planned.reading import columns, pauli_sums


class CutRun:
    """The pruned circuit with all bindings, each distinct row cut by itself: a cut gate's terms depend on its angles.

    values: of all bindings, in the order of the circuit's parameters. Raises CircuitError, CircuitTooLargeError.
    """

    def __init__(self, question: Question, cuts: Cuts, values: Floats, elements: Elements, fleet: Fleet) -> None:
        self._fleet = fleet
        rows, row_of = distinct_rows(values[:, columns(question.circuit, question.divisible)])
        self._parts: list[tuple[int, CutExpectation, Indices, Indices]] = []
        for row, positions in enumerate(grouped(row_of[elements.binding], len(rows))):
            asked, which = np.unique(elements.observable[positions], return_inverse=True)
            sums = pauli_sums(question, asked.tolist())
            if len(sums.terms):
                cut = _cut(question, cuts, rows[row], sums.qubits)
                part = CutExpectation(cut, fleet.works(cut, len(sums.terms)), sums)
                self._parts.append((row, part, positions, which.reshape(-1)))

    def futures(self) -> Iterator[tuple[Hashable, Future[Any]]]:
        """Hand everything over."""
        for row, part, _, _ in self._parts:
            for key, future in self._fleet.futures(part.parts()):
                yield CutKey(row, key), future

    def add(self, found: Mapping[Any, Any], evs: Floats) -> None:
        """Add what the strings are worth to the value of every element."""
        of_row: dict[int, dict[Any, Any]] = {row: {} for row, _, _, _ in self._parts}
        for key, value in found.items():
            of_row[key.binding][key.part] = value
        for row, part, positions, which in self._parts:
            evs[positions] += part.values(of_row[row])[which]


def _cut(question: Question, cuts: Cuts, row: Floats, qubits: list[int]) -> CutCircuit:
    circuit = question.divisible
    if not circuit.num_parameters:
        return question.pieces(cuts)  # which the planner has made already
    return observed(cut_circuit(circuit.assign_parameters(row), cuts), qubits)
