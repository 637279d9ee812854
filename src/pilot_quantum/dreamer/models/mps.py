"""Cost of a matrix-product state, exact up to rounding: it follows from bond dimensions, and those from the structure.

A gate on neighbours makes a matrix of (2·χ_left) x (2·χ_right) and takes its singular values: about m·n·min(m, n) steps
("svd") and m·n of other work ("entry"). Gates on distant qubits bring them together by swaps, each of the same kind
(Vidal 2003; Schollwöck 2011, §4). The bound on χ from the circuit's structure is what can happen, not what does: angles
may make less of it. Where that matters a probe decides, which follows the circuit for a while (`schmidt_ranks`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pilot_quantum.circuit.entanglement import bond_bits, crossings
from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

MPS = "aer-mps"

Bits = Sequence[float]
"""log2 of the bonds that a gate acts on, once it has: `entanglement.Crossing.bits`, as bounds or as they really are."""

Probe = Callable[[], Sequence[Bits]]
"""Follows the circuit and returns the bits of its gates on several qubits in order, as far as it came."""

FULL = 1.0
LEAST_FILL = 0.0
"""Clifford circuits and Fourier transforms of basis states have been seen to entangle nothing, whatever they might."""

LIKELY_FILL = 0.6
"""The part of the bits to reckon with where nothing is known."""

LAST = 20
"""Gates at the end of what a probe followed that stand for what comes after."""

DOUBT = 0.1
"""By how much of the bound's bits the rest may differ from them."""

PROCESS = 128 * 2**20


@dataclass(frozen=True, slots=True)
class MatrixProductState:
    """Predicts Aer's matrix-product state. rates: of the model "aer-mps"."""

    rates: Rates

    def units(self, skeleton: Skeleton, terms: Sequence[Letters] = (), fill: float = FULL) -> Units:
        """Units of evolving `skeleton` and reading `terms`. fill: the part of the bound's bits that really come up."""
        return self._units(skeleton, _filled([step.bits for step in crossings(skeleton)], fill), len(terms))

    def _units(self, skeleton: Skeleton, steps: Sequence[Bits], terms: int) -> Units:
        widest = 2.0 ** min(300.0, max([max(bits) for bits in steps], default=0))
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton)),
            "decomposition": float(sum(len(bits) - 2 for bits in steps)),
            "entry": sum(_steps(bits, _entries) for bits in steps),
            "svd": sum(_steps(bits, _svd) for bits in steps),
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

        probe: asked only where the bound leaves more than a factor of `doubt` open. Where it came to the end, nothing
        is left in doubt; else the bits that the last gates had, of their bounds, are taken for the rest.
        """
        bounds: list[Bits] = [step.bits for step in crossings(skeleton)]
        most = priced(self._units(skeleton, bounds, len(terms)), self.rates, self.memory(skeleton))
        least = priced(self._units(skeleton, _filled(bounds, LEAST_FILL), len(terms)), self.rates)
        if most.seconds <= doubt * least.seconds:
            return Prediction(most.seconds, least.low, most.high, most.memory, most.terms, most.assumed)
        if probe is not None and (found := probe()):
            return self._probed(skeleton, terms, bounds, found)
        middle = priced(self._units(skeleton, _filled(bounds, LIKELY_FILL), len(terms)), self.rates, most.memory)
        return Prediction(middle.seconds, least.low, most.high, most.memory, middle.terms, most.assumed)

    def memory(self, skeleton: Skeleton, fill: float = FULL) -> int:
        """Bytes of a process with the state: two complex matrices of χ x χ at each qubit, and as much to work in."""
        bits = (0, *bond_bits(skeleton), 0)
        entries = sum(2.0 ** min(900.0, fill * (left + right)) for left, right in pairwise(bits))
        return int(PROCESS + 2 * 2 * 16 * entries)

    def _probed(
        self, skeleton: Skeleton, terms: Sequence[Letters], bounds: Sequence[Bits], found: Sequence[Bits]
    ) -> Prediction:
        rest = bounds[len(found) :]
        if not rest:
            fill = low = high = min(FULL, max(map(max, found)) / max(1e-9, max(map(max, bounds))))
        else:
            last = slice(max(0, len(found) - LAST), len(found))
            fill = min(FULL, sum(map(sum, found[last])) / max(1e-9, sum(map(sum, bounds[last]))))
            low, high = max(0.0, fill - DOUBT), min(FULL, fill + DOUBT)
        middle, least, most = (
            priced(self._units(skeleton, [*found, *_filled(rest, part)], len(terms)), self.rates)
            for part in (fill, low, high)
        )
        memory = self.memory(skeleton, high)
        return Prediction(middle.seconds, least.low, most.high, memory, middle.terms, middle.assumed)


def _filled(bounds: Sequence[Bits], fill: float) -> list[Bits]:
    return [[fill * bits for bits in step] for step in bounds]


def _steps(bits: Bits, cost: Callable[[float, float], float]) -> float:
    """A gate's decomposition and the swaps that brought its qubits together, one at each bond."""
    return sum([cost(bits[at - 1], bits[at + 1]) for at in range(1, len(bits) - 1)])


def _entries(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + 2))


def _svd(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + min(left, right) + 3))
