"""Cost of a matrix-product state, exact up to rounding: it follows from bond dimensions, and those from the structure.

A gate on neighbours makes a matrix of (2·χ_left) x (2·χ_right) and takes its singular values: about m·n·min(m, n) steps
("svd") and m·n of other work ("entry"). Gates on distant qubits bring them together by swaps, each of the same kind
(Vidal 2003; Schollwöck 2011, §4). The bound on χ from the circuit's structure is what can happen, not what does: angles
may make less of it. Where that matters a probe decides, a run of the circuit's beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from pilot_quantum.circuit.entanglement import Crossing, bond_bits, crossings
from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

MPS = "aer-mps"

Probe = Callable[[int], float]
"""Runs the first so many gates and returns the seconds that they took; `inf` where it was stopped before the end."""

FULL = 1.0
LEAST_FILL = 0.0
"""Clifford circuits and Fourier transforms of basis states have been seen to entangle nothing, whatever they might."""

LIKELY_FILL = 0.6
"""The part of the bits to reckon with where nothing is known."""

PROCESS = 128 * 2**20


@dataclass(frozen=True, slots=True)
class MatrixProductState:
    """Predicts Aer's matrix-product state. rates: of the model "aer-mps"."""

    rates: Rates

    def units(self, skeleton: Skeleton, terms: Sequence[Letters] = (), fill: float = FULL) -> Units:
        """Units of evolving `skeleton` and reading `terms`. fill: the part of the bound's bits that really come up."""
        return self._units(skeleton, crossings(skeleton), len(terms), fill)

    def _units(self, skeleton: Skeleton, steps: Sequence[Crossing], terms: int, fill: float) -> Units:
        decompositions = sum(step.last - step.first for step in steps)
        widest = 2.0 ** min(300.0, fill * max([max(step.bits) for step in steps], default=0))
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton)),
            "decomposition": float(decompositions),
            "entry": sum(_steps(step, fill, _entries) for step in steps),
            "svd": sum(_steps(step, fill, _svd) for step in steps),
            "observe": float(terms * skeleton.qubits),
            "observe-bond": float(terms * skeleton.qubits * widest**3),
        }

    def predict(
        self,
        skeleton: Skeleton,
        terms: Sequence[Letters] = (),
        probe: Probe | None = None,
        doubt: float = 3.0,
    ) -> Prediction:
        """The run, from its bound down to what circuits of small angles take.

        probe: asked only where the bound leaves more than a factor of `doubt` open; its answer sets the part of the
        bits that comes up, so that the prediction is narrow again.
        """
        steps = crossings(skeleton)
        most = priced(self._units(skeleton, steps, len(terms), FULL), self.rates, self.memory(skeleton))
        least = priced(self._units(skeleton, steps, len(terms), LEAST_FILL), self.rates)
        if most.seconds <= doubt * least.seconds:
            return Prediction(most.seconds, least.low, most.high, most.memory, most.terms, most.assumed)
        if probe is None:
            middle = priced(self._units(skeleton, steps, len(terms), LIKELY_FILL), self.rates, most.memory)
            return Prediction(middle.seconds, least.low, most.high, most.memory, middle.terms, most.assumed)
        return self._probed(skeleton, terms, probe)

    def memory(self, skeleton: Skeleton, fill: float = FULL) -> int:
        """Bytes of a process with the state: two complex matrices of χ x χ at each qubit, and as much to work in."""
        bits = (0, *bond_bits(skeleton), 0)
        entries = sum(2.0 ** min(900.0, fill * (left + right)) for left, right in pairwise(bits))
        return int(PROCESS + 2 * 2 * 16 * entries)

    def _probed(self, skeleton: Skeleton, terms: Sequence[Letters], probe: Probe) -> Prediction:
        """The first half of the gates tells how far bonds are filled; the same part is taken for all."""
        gates = max(1, len(skeleton) // 2)
        seconds = probe(gates)
        beginning = skeleton.only(tuple(range(gates)), tuple(range(skeleton.qubits)))
        fill = FULL if seconds == inf else self._fill(beginning, seconds)
        low, high = max(0.0, fill - 0.1), min(FULL, fill + 0.1)
        middle, least, most = (priced(self.units(skeleton, terms, part), self.rates) for part in (fill, low, high))
        return Prediction(
            middle.seconds, least.low, most.high, self.memory(skeleton, high), middle.terms, middle.assumed
        )

    def _fill(self, beginning: Skeleton, seconds: float) -> float:
        """The part of the bits with which the model predicts these seconds, by bisection: cost rises with it."""
        steps = crossings(beginning)
        low, high = 0.0, FULL
        for _ in range(20):
            middle = (low + high) / 2
            if priced(self._units(beginning, steps, 0, middle), self.rates).seconds < seconds:
                low = middle
            else:
                high = middle
        return high


def _steps(step: Crossing, fill: float, cost: Callable[[float, float], float]) -> float:
    """A gate's decomposition and the swaps that brought its qubits together, one at each bond."""
    return sum([cost(fill * step.bits[at - 1], fill * step.bits[at + 1]) for at in range(1, len(step.bits) - 1)])


def _entries(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + 2))


def _svd(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + min(left, right) + 3))
