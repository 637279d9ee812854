"""Candidates that run the circuit on quantum processors, whole or in pieces: planned and explained from their data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import msgspec

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.cut import subexperiments
from pilot_quantum.dreamer.models.qpu import QPURun
from pilot_quantum.dreamer.models.shots import TooManyShotsError, shots_for
from pilot_quantum.dreamer.planning.candidate import QPU, Candidate, Pruning
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError
from pilot_quantum.resource.profile import QPUProfile, ResourceProfile


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
        skeleton = self.question.whole.skeleton
        run = QPURun(qpu)
        shots, refused = self._shots(1.0)
        kept = run.kept(skeleton, self._measured)
        return self._candidate(pilot, run, f"qpu {pilot}", shots, run.predict(skeleton, shots), 1.0 - kept, 1, refused)

    def _cut(self, pilot: str, qpu: QPUProfile) -> Candidate:
        run = QPURun(qpu)
        name = f"qpu {pilot}, cut"
        if self.target.error <= 0:
            return Candidate(
                name, QPU, Pruning.WHOLE, Prediction(0.0, 0.0, 0.0), qpu=pilot, refused=self._shots(1.0)[1]
            )
        try:
            found = find_cuts(self.question.divisible, qpu.qubits).best
        except CircuitError as error:
            return Candidate(name, QPU, Pruning.WHOLE, Prediction(0.0, 0.0, 0.0), qpu=pilot, refused=str(error))
        shots, refused = self._shots(found.overhead)
        jobs = subexperiments(self.question.pieces(found.cuts), self.question.whole.letters)
        prediction = run.predict(Skeleton(qpu.qubits, (), (), (), ()), shots)  # jobs of one batch wait together
        kept = run.kept(self.question.whole.skeleton, self._measured)
        candidate = self._candidate(pilot, run, name, shots, prediction, 1.0 - kept, jobs, refused)
        return msgspec.structs.replace(candidate, cuts=found.cuts, widths=found.widths, limit=qpu.qubits)

    @property
    def _measured(self) -> int:
        """Qubits that the widest term reads."""
        return max((len(letters) for letters in self.question.terms), default=0)

    def _shots(self, overhead: float) -> tuple[int, str]:
        """Shots for the target error, and why it cannot be had."""
        if self.target.error <= 0:
            return 1, "gives samples, and an exact value was asked: give a target error, such as target=0.01"
        try:
            return shots_for(self.target.error, overhead, self._norm**2, self.target.shots), ""
        except TooManyShotsError as error:
            return error.needed, str(error)

    def _candidate(
        self, pilot: str, run: QPURun, name: str, shots: int, time: Prediction, lost: float, jobs: int, refused: str
    ) -> Candidate:
        price = jobs * run.qpu.task_price + shots * run.qpu.shot_price
        bias = lost * self._norm
        if not refused and bias > self.target.error:
            refused = (
                f"faults leave about {1 - lost:.2f} of a value, so it may be off by {bias:.2g} however many shots; "
                f"the target is {self.target.error:g}"
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
            error=sqrt(self.target.error**2 + bias**2),
            price=price,
            pilots=(pilot,),
            refused=refused,
        )
