"""What a planner proposes, and every way that it has weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown


@dataclass(frozen=True, eq=False)
class Plan:
    """How to get the answer to `question`. `session.run(plan)` does so, as `best` says.

    candidates: by predicted seconds, those that were refused last. seconds: that planning has taken.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    best: Candidate
    seconds: float

    @property
    def front(self) -> tuple[Candidate, ...]:
        """Candidates of which none is beaten in time, error and memory at once; the fastest first."""
        return pareto([candidate for candidate in self.candidates if not candidate.refused])

    def using(self, name: str) -> Plan:
        """The same with the candidate of this name as `best`, refused or not. Raises InvalidDescriptionError."""
        for candidate in self.candidates:
            if candidate.name == name:
                return replace(self, best=candidate)
        raise InvalidDescriptionError(unknown("candidate", name, [candidate.name for candidate in self.candidates]))


def pareto(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that no other beats; of equal ones the first."""
    found: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda each: each.prediction.seconds):
        if not any(other.no_worse(candidate) for other in found):
            found.append(candidate)
    return tuple(found)
