"""What a planner proposes, and every way that it has weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from time import perf_counter

from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.cutting import Cutting
from pilot_quantum.dreamer.planning.data import PlanData
from pilot_quantum.dreamer.planning.explanation import explained
from pilot_quantum.dreamer.planning.figure import draw
from pilot_quantum.dreamer.planning.places import Places
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown
from pilot_quantum.resource.profile import ResourceProfile


@dataclass(frozen=True, eq=False)
class Plan:
    """How to get the answer to `question`. `session.run(plan)` does so, as `best` says.

    resources: the pilots that were planned for; target: what was asked of the answer. candidates: by predicted seconds,
    those that were refused last. notes: what was not weighed, and why. seconds: that planning has taken.
    """

    question: Question
    resources: tuple[ResourceProfile, ...]
    target: Target
    candidates: tuple[Candidate, ...]
    best: Candidate
    notes: tuple[str, ...]
    seconds: float

    @property
    def front(self) -> tuple[Candidate, ...]:
        """Candidates of which none is beaten in time, error and memory at once; the fastest first."""
        return pareto([candidate for candidate in self.candidates if not candidate.refused])

    def explain(self) -> str:
        """Every candidate, what it would take, and why it was not chosen, as lines of text."""
        return explained(self)

    def plot(self, path: str | PathLike[str]) -> None:
        """Draw what each candidate's time goes to. path: .png, .svg or .pdf. Takes matplotlib (the extra `plot`)."""
        draw(self, path)

    def as_data(self) -> PlanData:
        """What can be written down: everything but the circuit itself."""
        return PlanData(
            circuit=str(self.question.circuit.name),
            structure=self.question.skeleton.structure,
            qubits=self.question.skeleton.qubits,
            gates=len(self.question.skeleton),
            cone_qubits=self.question.whole.skeleton.qubits,
            cone_gates=len(self.question.whole.skeleton),
            observables=tuple(map(str, self.question.observables)),
            terms=len(self.question.terms),
            pilots=tuple(resource.pilot for resource in self.resources),
            target_error=self.target.error,
            best=self.best.name,
            front=tuple(candidate.name for candidate in self.front),
            candidates=self.candidates,
            notes=self.notes,
            planning_seconds=self.seconds,
        )

    def using(self, name: str) -> Plan:
        """The same with the candidate of this name as `best`, refused or not. Raises InvalidDescriptionError."""
        for candidate in self.candidates:
            if candidate.name == name:
                return replace(self, best=candidate)
        raise InvalidDescriptionError(unknown("candidate", name, [candidate.name for candidate in self.candidates]))

    def redone(self, name: str) -> Plan:
        """The plan of one candidate, made as by a user who had settled for it: nothing found out here is taken over.

        The circuit is read anew, and cuts are looked for anew; what this takes belongs to the cost of that strategy.
        Raises InvalidDescriptionError for a candidate that there is not.
        """
        began = perf_counter()
        best = self.using(name).best
        question = Question(self.question.circuit, self.question.observables, self.question.shape)
        if best.method == CUT:
            found = Cutting(question, Places.simulating(self.resources)).found(best.limit)
            if all(one.cuts != best.cuts for one in found):
                raise InvalidDescriptionError(f"the cuts of {name!r} were not found again: the planner has changed.")
        return replace(self, question=question, best=best, seconds=perf_counter() - began)


def pareto(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that no other beats; of equal ones the first."""
    found: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: each.prediction.seconds):
        if not any(other.no_worse(candidate) for other in found):
            found.append(candidate)
    return tuple(found)
