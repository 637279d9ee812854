"""From a candidate to tasks under way, and from what they return to values: shared by plans and the estimator."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.workload.cutting.fleet import Fleet
from pilot_quantum.workload.memory import Method, bytes_needed, check_fits
from pilot_quantum.workload.planned.division import CutRun
from pilot_quantum.workload.planned.elements import Elements, Floats
from pilot_quantum.workload.planned.methods import method_named
from pilot_quantum.workload.planned.pieces import Piece, PieceRun, pieces_of
from pilot_quantum.workload.planned.reading import columns, identities
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, simulating
from pilot_quantum.workload.units import estimate

Futures = list[tuple[Hashable, Future[Any]]]
Found = Mapping[Any, Any]


@dataclass(frozen=True, eq=False)
class Started:
    """Tasks under way by their keys. values: of all elements in their order, from what every task returned."""

    futures: Futures
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

        values: shape (bindings, parameters), in the order of `question.circuit.parameters`. Raises, before anything is
        submitted: CircuitError, CircuitTooLargeError, InvalidDescriptionError for a method that there is not.
        """
        constants = identities(question)
        futures: Futures = []
        runs: Sequence[PieceRun | CutRun] = ()
        if len(elements) and candidate.method == CUT:
            fleet = self._fleet(method_named(candidate.simulator), candidate.threads)
            run = CutRun(question, candidate.cuts, values, elements, fleet)
            runs = [run]
            futures += run.futures()
        elif len(elements):
            runs = self._pieces(question, candidate, values, elements, futures)

        def assemble(found: Found) -> Floats:
            evs = constants[elements.observable]
            for run in runs:
                run.add(found, evs)
            return evs

        return Started(futures, assemble)

    def _pieces(
        self, question: Question, candidate: Candidate, values: Floats, elements: Elements, futures: Futures
    ) -> list[PieceRun]:
        method = method_named(candidate.method)
        pieces = pieces_of(question, candidate, method)
        needed = [self._memory(piece, candidate, method) for piece in pieces]
        label, resources = f"{candidate.name!r}: circuit {question.circuit.name!r}", self._resources()
        for piece, memory in zip(pieces, needed, strict=True):
            check_fits(label, piece.traits, resources, method, memory)
        runs = []
        for index, (piece, memory) in enumerate(zip(pieces, needed, strict=True)):
            own = values[:, columns(question.circuit, piece.circuit)]
            run = PieceRun(index, piece, method, own, elements, question.sums)
            submit = self._taking(memory, method, candidate.threads).submit
            futures += [(key, submit(estimate, *arguments)) for key, arguments in run.units()]
            runs.append(run)
        return runs

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
