"""Which plan serves which bindings: made once for circuits of one structure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

import msgspec
import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator

from pilot_quantum.circuit.faint import faint
from pilot_quantum.circuit.schmidt import schmidt_form
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.planning.candidate import QPU, Candidate
from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.workload.planned.elements import Floats, Indices, distinct_rows
from pilot_quantum.workload.planned.methods import refuse_qpu
from pilot_quantum.workload.planned.reading import columns
from pilot_quantum.workload.submitter import Resources

Planner = Callable[[Question, Sequence[ResourceProfile], str], Plan]
"""`dreamer.planning.planner.examine`."""

MOST_PROBED = 4
"""Bindings of a call that are planned one by one where a probe decides; the others take what needs none."""

MOST = 128
"""Structures whose plans are remembered; of more, those that were not asked for the longest go."""


class Choice(NamedTuple):
    """What was planned. ranks: the Schmidt ranks that the cut gates had then, in the order of the cuts. row: the
    binding, where the plan holds for that alone; otherwise: the best for others then.
    """

    candidate: Candidate
    ranks: tuple[int, ...]
    row: tuple[float, ...] | None = None
    otherwise: Candidate | None = None


class Plans:
    """Plans of one strategy's estimator. resources: gives the pilots' profiles."""

    def __init__(self, planner: Planner, resources: Resources) -> None:
        self._planner, self._resources = planner, resources
        self._kept: OrderedDict[Hashable, Choice] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def choices(self, question: Question, values: Floats, strategy: str) -> Iterator[tuple[Candidate, Indices]]:
        """The candidates that the bindings are to be run with, and which bindings each serves.

        question: its circuit may have parameters; values: shape (bindings, parameters), at least one binding. All are
        served by one candidate unless it cuts gates that entangle more with other bindings. Raises what the planner
        does, and UnsatisfiableError where a quantum processor was planned for.
        """
        resources = self._resources()
        key = _key(question, resources, strategy)
        rows, row_of = distinct_rows(values)
        left = np.arange(len(rows))
        probed = 0
        while len(left):
            choice = self._choice(key, question, rows[left[0]], resources, strategy)
            probed += choice.row is not None
            served = np.array([_serves(choice, question, rows[row]) for row in left.tolist()])
            served[0] = True  # what it was made for
            if probed >= MOST_PROBED and choice.otherwise is not None:
                yield choice.candidate, np.flatnonzero(row_of == left[0])
                yield choice.otherwise, np.flatnonzero(np.isin(row_of, left[1:]))
                return
            yield choice.candidate, np.flatnonzero(np.isin(row_of, left[served]))
            left = left[~served]

    def _choice(
        self, key: Hashable, question: Question, row: Floats, resources: Sequence[ResourceProfile], strategy: str
    ) -> Choice:
        with self._lock:
            choice = self._kept.get(key)
        if choice is None or not _serves(choice, question, row):
            bound = question  # what planning finds out about it serves running it
            if question.circuit.num_parameters:
                bound = Question(_bound(question.circuit, row), question.observables, question.shape)
            plan = self._planner(bound, resources, strategy)
            refuse_qpu(plan.best, plan.candidates)
            if plan.best.of_angles:
                # Not kept: other angles may entangle more. A cut is not offered to others, for its gates may, too.
                rest = [
                    one
                    for one in plan.candidates
                    if not (one.refused or one.of_angles or one.cuts or one.method == QPU)
                ]
                return Choice(plan.best, (), tuple(row.tolist()), rest[0] if rest else None)
            choice = Choice(plan.best, _ranks(plan.best, bound, row[:0]))
        with self._lock:
            self._kept[key] = choice
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return choice


def _key(question: Question, resources: Sequence[ResourceProfile], strategy: str) -> Hashable:
    terms = tuple(tuple(term.items()) for term in question.terms)
    lasting = [replace(one, surprises=()) if one.surprises else one for one in resources]
    return strategy, question.skeleton.structure, terms, msgspec.json.encode(lasting)


def _serves(choice: Choice, question: Question, row: Floats) -> bool:
    """Whether with this binding the choice costs no more than when it was planned."""
    if choice.row is not None:
        return choice.row == tuple(row.tolist())
    if choice.candidate.method == MPS and faint(_bound(question.circuit, row)):
        return False
    if not choice.candidate.cuts.gates:
        return True
    ranks = _ranks(choice.candidate, question, row)
    return all(now <= then for now, then in zip(ranks, choice.ranks, strict=True))


def _ranks(candidate: Candidate, question: Question, row: Floats) -> tuple[int, ...]:
    if candidate.method != CUT:
        return ()
    circuit = question.divisible
    gates = circuit.copy_empty_like()
    for index in candidate.cuts.gates:
        gates._append(circuit.data[index])
    bound = _bound(gates, row[columns(question.circuit, gates)])
    return tuple(len(schmidt_form(Operator(each.operation).data).paulis) for each in bound.data)


def _bound(circuit: QuantumCircuit, row: Floats) -> QuantumCircuit:
    return circuit.assign_parameters(row) if circuit.num_parameters else circuit
