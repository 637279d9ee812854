"""Candidates that run the circuit on quantum processors, whole or in pieces: planned and explained from their data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import NamedTuple

import msgspec

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.skeleton import Skeleton, read_skeleton
from pilot_quantum.dreamer.models.cut import subexperiments
from pilot_quantum.dreamer.models.qpu import QPURun
from pilot_quantum.dreamer.models.shots import MOST_SHOTS, TooManyShotsError, shots_for
from pilot_quantum.dreamer.planning.candidate import QPU, Candidate, Pruning
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError
from pilot_quantum.resource.profile import ResourceProfile

INEXACT = "gives samples, and an exact value was asked: give a target error, such as target=0.01"


class _Faults(NamedTuple):
    """What is left of a value, by how much that may move the worst observable, and the swaps that were counted."""

    kept: float
    bias: float
    swaps: int


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
            run = QPURun(resource.qpu)
            if run.fits(self.question.whole.skeleton):
                yield self._whole(resource.pilot, run)
            else:
                yield self._cut(resource.pilot, run)

    @property
    def _norm(self) -> float:
        """The largest sum of an observable's |coefficients|, the identity's left out: it bounds the deviation."""
        terms = self.question.terms
        return max(
            (sum(abs(c) for term, c in one if terms[term]) for one in self.question.sums),
            default=0.0,
        )

    def _whole(self, pilot: str, run: QPURun) -> Candidate:
        skeleton, name = self.question.whole.skeleton, f"qpu {pilot}"
        try:
            swaps = run.swaps(skeleton)
        except CircuitError as error:
            return _refused(pilot, name, str(error))
        faults = self._faults(run, swaps)
        shots, refused = self._shots(1.0, faults.bias)
        return self._candidate(pilot, run, name, shots, run.predict(skeleton, shots), 1, faults, refused)

    def _cut(self, pilot: str, run: QPURun) -> Candidate:
        name, limit = f"qpu {pilot}, cut", run.widest
        if self.target.error <= 0:
            return _refused(pilot, name, INEXACT)
        try:
            found = find_cuts(self.question.divisible, limit).best
            pieces = self.question.pieces(found.cuts)
            swaps = run.swaps(*(read_skeleton(fragment.circuit) for fragment in pieces.fragments))
        except CircuitError as error:
            return _refused(pilot, name, str(error))
        faults = self._faults(run, swaps)
        shots, refused = self._shots(found.overhead, faults.bias)
        jobs = subexperiments(pieces, self.question.whole.letters)
        prediction = run.predict(Skeleton(limit, (), (), (), ()), shots)  # jobs of one batch wait together
        candidate = self._candidate(pilot, run, name, shots, prediction, jobs, faults, refused)
        return msgspec.structs.replace(candidate, cuts=found.cuts, widths=found.widths, limit=limit)

    def _faults(self, run: QPURun, swaps: int) -> _Faults:
        measured = max((len(letters) for letters in self.question.terms), default=0)  # by the widest term
        kept = run.kept(self.question.whole.skeleton, measured, swaps)
        return _Faults(kept, (1.0 - kept) * self._norm if kept < 1 else 0.0, swaps)

    def _shots(self, overhead: float, bias: float) -> tuple[int, str]:
        """Shots for the target error, and why it cannot be had.

        What faults leave off comes on top of the standard error: √(standard error² + bias²) is to be the target.
        """
        target = self.target.error
        if target <= 0:
            return 1, INEXACT
        reachable = bias < target
        left = sqrt(target - bias) * sqrt(target + bias) if reachable else target
        try:
            return shots_for(left, overhead, self._norm * self._norm, self.target.shots), ""
        except TooManyShotsError as error:
            besides = f"may be off by {bias:.2g} for faults, and besides " if 0 < bias < target else ""
            return int(min(error.needed, MOST_SHOTS)), f"{besides}{error}"

    def _candidate(
        self,
        pilot: str,
        run: QPURun,
        name: str,
        shots: int,
        time: Prediction,
        jobs: int,
        faults: _Faults,
        refused: str,
    ) -> Candidate:
        price = jobs * run.qpu.task_price + shots * run.qpu.shot_price
        target, bias = self.target.error, faults.bias
        if target > 0 and not bias < target:
            swaps = f", with {faults.swaps} swaps that its couplings take," if faults.swaps else ""
            refused = (
                f"faults{swaps} leave about {faults.kept:.2f} of a value, so it may be off by {bias:.3g} however many "
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


def _refused(pilot: str, name: str, why: str) -> Candidate:
    """One of which nothing more is known; it is not for want of memory."""
    return Candidate(name, QPU, Pruning.WHOLE, Prediction(0.0, 0.0, 0.0), qpu=pilot, pilots=(pilot,), refused=why)
