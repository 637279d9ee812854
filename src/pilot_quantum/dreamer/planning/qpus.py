"""Candidates that run the circuit on quantum processors, whole or in pieces: planned and explained from their data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import msgspec

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.cut import subexperiments
from pilot_quantum.dreamer.models.qpu import QPURun
from pilot_quantum.dreamer.models.shots import MOST_SHOTS, TooManyShotsError, shots_for
from pilot_quantum.dreamer.planning.candidate import QPU, Candidate, Pruning
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError
from pilot_quantum.resource.profile import QPUProfile, ResourceProfile

INEXACT = "gives samples, and an exact value was asked: give a target error, such as target=0.01"


@dataclass(frozen=True, slots=True)
class Processors:
    """Makes the candidates. resources: the pilots; those with a `qpu` count."""

    question: Question
    resources: Sequence[ResourceProfile]
    target: Target

    def candidates(self) -> Iterator[Candidate]:
        """One for each quantum processor; where the pruned circuit is too wide for it, with the cuts that it takes."""
        for resource in self.resources:
            if resource.qpu is None:
                continue
            if self.question.whole.skeleton.qubits <= resource.qpu.qubits:
                yield self._whole(resource.pilot, resource.qpu)
            else:
                yield self._cut(resource.pilot, resource.qpu)

    @property
    def _norm(self) -> float:
        """The largest sum of an observable's |coefficients|, the identity's left out: it bounds the deviation."""
        terms = self.question.terms
        return max(
            (sum(abs(c) for term, c in one if terms[term]) for one in self.question.sums),
            default=0.0,
        )

    def _whole(self, pilot: str, qpu: QPUProfile) -> Candidate:
        skeleton, run = self.question.whole.skeleton, QPURun(qpu)
        shots, refused = self._shots(1.0, self._bias(run))
        return self._candidate(pilot, run, f"qpu {pilot}", shots, run.predict(skeleton, shots), 1, refused)

    def _cut(self, pilot: str, qpu: QPUProfile) -> Candidate:
        run = QPURun(qpu)
        name = f"qpu {pilot}, cut"
        if self.target.error <= 0:
            return Candidate(name, QPU, Pruning.WHOLE, Prediction(0.0, 0.0, 0.0), qpu=pilot, refused=INEXACT)
        try:
            found = find_cuts(self.question.divisible, qpu.qubits).best
        except CircuitError as error:
            return Candidate(name, QPU, Pruning.WHOLE, Prediction(0.0, 0.0, 0.0), qpu=pilot, refused=str(error))
        shots, refused = self._shots(found.overhead, self._bias(run))
        jobs = subexperiments(self.question.pieces(found.cuts), self.question.whole.letters)
        prediction = run.predict(Skeleton(qpu.qubits, (), (), (), ()), shots)  # jobs of one batch wait together
        candidate = self._candidate(pilot, run, name, shots, prediction, jobs, refused)
        return msgspec.structs.replace(candidate, cuts=found.cuts, widths=found.widths, limit=qpu.qubits)

    def _kept(self, run: QPURun) -> float:
        """The part of a value that faults leave, at least about; the widest term counts."""
        measured = max((len(letters) for letters in self.question.terms), default=0)
        return run.kept(self.question.whole.skeleton, measured)

    def _bias(self, run: QPURun) -> float:
        """By how much faults may move a value, however many shots there are."""
        lost = 1.0 - self._kept(run)
        return lost * self._norm if lost else 0.0

    def _shots(self, overhead: float, bias: float) -> tuple[int, str]:
        """Shots for the target error, and why it cannot be had.

        What faults leave off comes on top of the standard error: √(standard error² + bias²) is to be the target.
        """
        target = self.target.error
        if target <= 0:
            return 1, INEXACT
        reachable = bias < target
        left = sqrt((target - bias) * (target + bias)) if reachable else target
        try:
            return shots_for(left, overhead, self._norm * self._norm, self.target.shots), ""
        except TooManyShotsError as error:
            besides = f"may be off by {bias:.2g} for faults, and besides " if 0 < bias < target else ""
            return int(min(error.needed, MOST_SHOTS)), f"{besides}{error}"

    def _candidate(
        self, pilot: str, run: QPURun, name: str, shots: int, time: Prediction, jobs: int, refused: str
    ) -> Candidate:
        price = jobs * run.qpu.task_price + shots * run.qpu.shot_price
        target, bias = self.target.error, self._bias(run)
        if target > 0 and not bias < target:
            refused = (
                f"faults leave about {self._kept(run):.2f} of a value, so it may be off by {bias:.3g} however many "
                f"shots; the target is {target:g}"
            )
        if not refused and self.target.price is not None and price > self.target.price:
            refused = f"costs {price:g}, and the budget is {self.target.price:g}"
        return Candidate(
            name=name,
            method=QPU,
            pruning=Pruning.WHOLE,
            prediction=time,
            parts=(self.question.whole.terms,),
            qpu=pilot,
            shots=shots,
            error=target if bias < target else hypot(target, bias),
            price=price,
            pilots=(pilot,),
            refused=refused,
        )
