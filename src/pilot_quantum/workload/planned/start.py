"""From a candidate to tasks under way, and from what they return to values: shared by plans and the estimator."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.workload.cutting.expectation import CutExpectation
from pilot_quantum.workload.cutting.fleet import Fleet
from pilot_quantum.workload.cutting.observables import PauliSums
from pilot_quantum.workload.memory import Method, bytes_needed, check_fits
from pilot_quantum.workload.planned.elements import Elements, Floats, Indices, distinct_rows, grouped
from pilot_quantum.workload.planned.keys import CutKey
from pilot_quantum.workload.planned.methods import method_named
from pilot_quantum.workload.planned.pieces import Piece, PieceRun, pauli_terms, pieces_of
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, simulating
from pilot_quantum.workload.units import estimate

Found = Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class Started:
    """Tasks under way by their keys. values: of all elements in their order, from what every task returned."""

    futures: list[tuple[Hashable, Future[Any]]]
    values: Callable[[Found], Floats]


class Starter:
    """Hands the work of candidates to a session.

    submitter: a session's `with_options(...)`, whose options the tasks keep. resources: the pilots' profiles.
    cancel: ends tasks that have begun, too. name: of the tasks, where the user gave none.
    """

    def __init__(self, submitter: Submitter, resources: Resources, cancel: Cancel, name: str) -> None:
        self._submitter = submitter if submitter.options.name else submitter.with_options(name=name)
        self._resources, self._cancel = resources, cancel
        self._taking = lru_cache(maxsize=64)(self._with_needs)
        self._fleet = lru_cache(maxsize=8)(self._make_fleet)

    def start(self, question: Question, candidate: Candidate, values: Floats, elements: Elements) -> Started:
        """Run `question` as `candidate` says.

        values: shape (bindings, parameters of the question's circuit), in the order of `circuit.parameters`.
        Raises CircuitError, CircuitTooLargeError, InvalidDescriptionError for a method that there is not.
        """
        if not len(elements):
            return Started([], lambda found: np.zeros(0))
        if candidate.method == CUT:
            return self._cut(question, candidate, values, elements)
        return self._whole(question, candidate, values, elements)

    def _whole(self, question: Question, candidate: Candidate, values: Floats, elements: Elements) -> Started:
        method = method_named(candidate.method)
        pieces = pieces_of(question, candidate)
        needed = [self._memory(piece, candidate, method) for piece in pieces]
        resources = self._resources()
        for piece, memory in zip(pieces, needed, strict=True):
            label = f"{candidate.name!r}: circuit {question.circuit.name!r}"
            check_fits(label, piece.traits, resources, method, memory)
        futures: list[tuple[Hashable, Future[Any]]] = []
        runs = []
        for index, (piece, memory) in enumerate(zip(pieces, needed, strict=True)):
            own = values[:, _columns(question.circuit, piece.circuit)]
            run = PieceRun(index, piece, method, own, elements, question.sums)
            submit = self._taking(memory, method, candidate.threads).submit
            futures += [(key, submit(estimate, *arguments)) for key, arguments in run.units()]
            runs.append(run)
        constants = _identities(question)

        def assemble(found: Found) -> Floats:
            evs = constants[elements.observable]
            for run in runs:
                run.add(found, evs)
            return evs

        return Started(futures, assemble)

    def _cut(self, question: Question, candidate: Candidate, values: Floats, elements: Elements) -> Started:
        """Each distinct binding is cut by itself, as the terms of a cut gate depend on its angles."""
        pruned = question.pruned.circuit
        rows, row_of = distinct_rows(values[:, _columns(question.circuit, pruned)])
        fleet = self._fleet(method_named(candidate.simulator), candidate.threads)
        futures: list[tuple[Hashable, Future[Any]]] = []
        parts = []
        constants = _identities(question)
        for row, positions in enumerate(grouped(row_of[elements.binding], len(rows))):
            if not len(positions):
                continue
            asked, which = np.unique(elements.observable[positions], return_inverse=True)
            sums = _pauli_sums(question, asked.tolist())
            if not len(sums.terms):
                continue
            cut = observed(cut_circuit(bound(pruned, rows[row]), candidate.cuts), sums.qubits)
            part = CutExpectation(cut, fleet.works(cut, len(sums.terms)), sums)
            futures += [(CutKey(row, key), future) for key, future in fleet.futures(part.parts())]
            parts.append((row, part, positions, which))

        def assemble(found: Found) -> Floats:
            evs = constants[elements.observable]
            of_row: dict[int, dict[Any, Any]] = {}
            for key, value in found.items():
                of_row.setdefault(key.binding, {})[key.part] = value
            for row, part, positions, which in parts:
                evs[positions] += part.values(of_row[row])[which.reshape(-1)]
            return evs

        return Started(futures, assemble)

    def _memory(self, piece: Piece, candidate: Candidate, method: Method) -> int:
        if method is not Method.MPS:
            return bytes_needed(piece.traits, method)
        model = MatrixProductState(ASSUMED[MPS])  # no rate has a part in its memory
        return candidate.prediction.memory or model.memory(read_skeleton(piece.circuit))

    def _with_needs(self, memory: int, method: Method, threads: int) -> Submitter:
        needs = simulating(self._submitter.options.needs, memory, method.capabilities, threads)
        return self._submitter.with_options(needs=needs)

    def _make_fleet(self, simulator: Method, threads: int) -> Fleet:
        return Fleet(self._with_needs(0, simulator, threads), self._resources, self._cancel, simulator)


def bound(circuit: QuantumCircuit, row: Floats) -> QuantumCircuit:
    """`circuit` with its parameters at the values of `row`."""
    return circuit.assign_parameters(row) if circuit.num_parameters else circuit


def _columns(circuit: QuantumCircuit, part: QuantumCircuit) -> Indices:
    """Where the parameters of `part`, a part of `circuit`, are among its own."""
    place = {parameter: i for i, parameter in enumerate(circuit.parameters)}
    return np.array([place[parameter] for parameter in part.parameters], dtype=np.intp)


def _identities(question: Question) -> Floats:
    """For each observable the coefficient of its identity, which is 1 in every state."""
    empty = {position for position, term in enumerate(question.terms) if not term}
    return np.array([sum(c for position, c in each if position in empty) for each in question.sums], dtype=float)


def _pauli_sums(question: Question, asked: list[int]) -> PauliSums:
    """These observables on the pruned circuit's qubits, identities left out."""
    sums = [question.sums[observable] for observable in asked]
    letters = question.whole.letters
    used = sorted({position for each in sums for position, _ in each if letters[position]})
    column = {position: i for i, position in enumerate(used)}
    weights = np.zeros((len(asked), len(used)))
    for row, each in enumerate(sums):
        for position, coefficient in each:
            if position in column:
                weights[row, column[position]] += coefficient
    terms = pauli_terms([letters[position] for position in used], question.pruned.circuit.num_qubits)
    return PauliSums(terms, weights, (len(asked),))
