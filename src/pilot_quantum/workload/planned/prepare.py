"""From a candidate to tasks, and from what they return to values: shared by plans and the estimator."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any

from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.experience import Experience, Watch
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.find import FIND
from pilot_quantum.dreamer.models.light_cone import PRUNE
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.cutting import IN_PIECES
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

_PLANNED = (f"{PRUNE}.", f"{FIND}.")
"""Terms of a prediction: what is done in planning, whatever is at hand later."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Work that has been checked, and of which nothing has been handed over. runs: circuits, or what is cut.

    watch: times it; None where that would teach nothing.
    """

    elements: Elements
    constants: Floats
    runs: Sequence[tuple[PieceRun, Submitter] | CutRun]
    watch: Watch | None = None

    def futures(self) -> Iterator[tuple[Hashable, Future[Any]]]:
        """Hand everything over; each task's future with its key."""
        for key, future in self._handed_over():
            if self.watch is not None:
                self.watch.handed_over(future)
            yield key, future

    def _handed_over(self) -> Iterator[tuple[Hashable, Future[Any]]]:
        for run in self.runs:
            if isinstance(run, CutRun):
                yield from run.futures()
            else:
                pieces, submitter = run
                for key, arguments in pieces.units():
                    yield key, submitter.submit(estimate, *arguments)

    def values(self, found: Mapping[Any, Any]) -> Floats:
        """Of all elements in their order, from what every task returned."""
        began = monotonic()
        evs: Floats = self.constants[self.elements.observable]
        for run in self.runs:
            (run if isinstance(run, CutRun) else run[0]).add(found, evs)
        if self.watch is not None:
            self.watch.finished(monotonic() - began)
        return evs


class Crew:
    """The pilots, as what runs for a candidate sees them.

    submitter: a session's `with_options(...)`, whose options the tasks keep. resources: the pilots' profiles.
    cancel: ends tasks that have begun, too. name: of the tasks, where the user gave none. experience: learns from
    what runs took.
    """

    def __init__(
        self, submitter: Submitter, resources: Resources, cancel: Cancel, name: str, experience: Experience | None
    ) -> None:
        self._submitter = submitter if submitter.options.name else submitter.with_options(name=name)
        self.resources, self.cancel = resources, cancel
        self._experience = experience
        self._taking = lru_cache(maxsize=64)(self._with_needs)
        self._fleet = lru_cache(maxsize=8)(self._make_fleet)

    def prepare(self, question: Question, candidate: Candidate, values: Floats, elements: Elements) -> Prepared:
        """What runs of `question` as `candidate` says.

        values: shape (bindings, parameters), in the order of `question.circuit.parameters`. Raises CircuitError,
        CircuitTooLargeError, InvalidDescriptionError for a method that there is not.
        """
        watch = None
        if self._experience is not None and elements.bindings == 1:
            watch = self._experience.watch(candidate, _done(question, candidate))
        runs: Sequence[tuple[PieceRun, Submitter] | CutRun] = ()
        if len(elements) and candidate.method == CUT:
            fleet = self._fleet(method_named(candidate.simulator), candidate.threads)
            runs = [CutRun(question, candidate.cuts, values, elements, fleet)]
        elif len(elements):
            runs = self._pieces(question, candidate, values, elements)
        return Prepared(elements, identities(question), runs, watch)

    def _pieces(
        self, question: Question, candidate: Candidate, values: Floats, elements: Elements
    ) -> list[tuple[PieceRun, Submitter]]:
        method = method_named(candidate.method)
        label, resources = f"{candidate.name!r}: circuit {question.circuit.name!r}", self.resources()
        runs = []
        for index, piece in enumerate(pieces_of(question, candidate, method)):
            memory = self._memory(piece, candidate, method)
            check_fits(label, piece.traits, resources, method, memory)
            own = values[:, columns(question.circuit, piece.circuit)]
            run = PieceRun(index, piece, method, own, elements, question.sums)
            runs.append((run, self._taking(memory, method, candidate.threads)))
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
        return Fleet(self._with_needs(0, simulator, threads), self.resources, self.cancel, simulator)


def _done(question: Question, candidate: Candidate) -> float:
    """Seconds of what planning has done, and running it need not do again, as the rates have it or as looking took."""
    planned = _PLANNED + (IN_PIECES if question.in_pieces(candidate.cuts) else ())
    terms = candidate.prediction.terms.items()
    return sum(seconds for name, seconds in terms if name.startswith(planned)) / candidate.surprise
