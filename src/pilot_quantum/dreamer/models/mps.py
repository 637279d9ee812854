"""Cost of a matrix-product state, exact up to rounding: it follows from bond dimensions, and those from the structure.

A gate on neighbours makes a matrix of (2·χ_left) x (2·χ_right) and takes its singular values: about m·n·min(m, n) steps
("svd") and m·n of other work ("entry"). Distant qubits are brought together by swaps, each of the same kind
(`circuit/meetings.py`; Vidal 2003; Schollwöck 2011, §4). The bound on χ from the circuit's structure is what can
happen, not what does: angles may make less of it. Where that matters a probe decides, which follows the circuit for a
while (`circuit/schmidt_ranks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.meetings import Sides, bounds
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

MPS = "aer-mps"

Meetings = Sequence[Sequence[Sides]]
"""Of a circuit's meetings (`circuit.meetings`) the bits around those who meet: bounds, or as they really are."""

Probe = Callable[[], Meetings]
"""Follows the circuit and returns what its meetings really are, as far as it came."""

FULL = 1.0
LEAST_FILL = 0.0
"""Clifford circuits and Fourier transforms of basis states have been seen to entangle nothing, whatever they might."""

LIKELY_FILL = 0.6
"""The part of the bits to reckon with where nothing is known."""

LAST = 20
"""Gates at the end of what a probe followed that stand for what comes after."""

DOUBT = 0.1
"""By how much of the bound's bits the rest may have less than them; it may have all."""

PROCESS = 128 * 2**20


@dataclass(frozen=True, slots=True)
class MatrixProductState:
    """Predicts Aer's matrix-product state. rates: of the model "aer-mps"."""

    rates: Rates

    def units(
        self, skeleton: Skeleton, terms: Sequence[Letters] = (), fill: float = FULL, sides: Meetings | None = None
    ) -> Units:
        """Units of evolving `skeleton` and reading `terms`.

        fill: the part of the bound's bits that really come up; sides: the true ones, where they are known.
        """
        return self._units(skeleton, _filled(bounds(skeleton).sides, fill) if sides is None else sides, terms)

    def _units(self, skeleton: Skeleton, steps: Meetings, terms: Sequence[Letters]) -> Units:
        sides = [each for step in steps for each in step]
        widest = 2.0 ** min(300.0, max([max(each) for each in sides], default=0))
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton)),
            "decomposition": float(len(sides)),
            "entry": sum([_entries(left, right) for left, right in sides]),
            "svd": sum([_svd(left, right) for left, right in sides]),
            "string": float(len(terms)),
            "observe": float(len(terms) * skeleton.qubits),
            "observe-bond": float(len(terms) * skeleton.qubits) * widest**3,
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
        most_sides = bounds(skeleton).sides
        most = priced(self._units(skeleton, most_sides, terms), self.rates, self.memory(skeleton))
        least = priced(self._units(skeleton, _filled(most_sides, LEAST_FILL), terms), self.rates)
        if most.seconds <= doubt * least.seconds:
            return Prediction(most.seconds, least.low, most.high, most.memory, most.terms, most.assumed)
        if probe is not None and (found := probe()):
            return self._probed(skeleton, terms, most_sides, found)
        middle = priced(self._units(skeleton, _filled(most_sides, LIKELY_FILL), terms), self.rates, most.memory)
        return Prediction(middle.seconds, least.low, most.high, most.memory, middle.terms, most.assumed)

    def price(self, left: float, right: float) -> float:
        """Seconds of one decomposition, by the bits of the bonds on either side."""
        rates = self.rates.seconds
        return rates["decomposition"] + rates["entry"] * _entries(left, right) + rates["svd"] * _svd(left, right)

    def memory(self, skeleton: Skeleton, fill: float = FULL) -> int:
        """Bytes of a process with the state: two complex matrices of χ x χ at each qubit, and as much to work in."""
        bits = (0, *bounds(skeleton).bonds, 0)
        entries = sum(2.0 ** min(900.0, fill * (left + right)) for left, right in pairwise(bits))
        return int(PROCESS + 2 * 2 * 16 * entries)

    def _probed(
        self, skeleton: Skeleton, terms: Sequence[Letters], most_sides: Meetings, found: Meetings
    ) -> Prediction:
        rest = most_sides[len(found) :]
        last = slice(max(0, len(found) - LAST), len(found))
        fill = min(FULL, _sum(found[last]) / max(1e-9, _sum(most_sides[last])))
        low, high = (max(0.0, fill - DOUBT), FULL) if rest else (fill, fill)
        middle, least, most = (
            priced(self._units(skeleton, [*found, *_filled(rest, part)], terms), self.rates)
            for part in (fill, low, high)
        )
        memory = self.memory(skeleton, high)
        return Prediction(middle.seconds, least.low, most.high, memory, middle.terms, middle.assumed)


def _filled(sides: Meetings, fill: float) -> list[list[Sides]]:
    return [[(fill * left, fill * right) for left, right in step] for step in sides]


def _sum(sides: Meetings) -> float:
    return sum([left + right for step in sides for left, right in step])


def _entries(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + 2))


def _svd(left: float, right: float) -> float:
    return float(2.0 ** min(1000.0, left + right + min(left, right) + 3))
