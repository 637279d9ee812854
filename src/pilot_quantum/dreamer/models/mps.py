"""Cost of a matrix-product state, exact but for Schmidt coefficients below 1e-8, which Aer drops.

It follows from bond dimensions, and those from the structure.

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

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.meetings import Bounds, Sides, bounds
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

MPS = "aer-mps"

Meetings = Sequence[Sequence[Sides]]
"""Of a circuit's meetings (`circuit.meetings`) the bits around those who meet: bounds, or as they really are."""

Probe = Callable[[], Meetings]
"""Follows the circuit and returns what its meetings really are, as far as it came."""

Table = NDArray[np.float64]

MOST_BITS = 300.0
"""Beyond, powers of two are no floats when they are multiplied; nobody can pay what is less."""

FULL = 1.0
LEAST_FILL = 0.0
"""Clifford circuits and Fourier transforms of basis states have been seen to entangle nothing, whatever they might."""

LIKELY_FILL = 0.6
"""The part of the bits to reckon with where nothing is known."""

LAST = 40
"""Gates and swaps at the end of what a probe followed that stand for what comes after."""

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
        return self._units(skeleton, _table(bounds(skeleton).sides) * fill if sides is None else _table(sides), terms)

    def _units(self, skeleton: Skeleton, sides: Table, terms: Sequence[Letters]) -> Units:
        left, right = np.minimum(sides, MOST_BITS).T
        widest = 2.0 ** min(MOST_BITS, float(np.max(sides, initial=0.0)))
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton)),
            "decomposition": float(len(sides)),
            "entry": float(np.exp2(left + right + 2).sum()),
            "svd": float(np.exp2(left + right + np.minimum(left, right) + 3).sum()),
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
        bound = bounds(skeleton)
        sides = _table(bound.sides)
        most = priced(self._units(skeleton, sides, terms), self.rates, _memory(bound.bonds, FULL))
        least = priced(self._units(skeleton, sides * LEAST_FILL, terms), self.rates)
        if most.seconds <= doubt * least.seconds:
            return Prediction(most.seconds, least.low, most.high, most.memory, most.terms, most.assumed)
        if probe is not None and (found := probe()):
            return self._probed(skeleton, terms, bound, found)
        middle = priced(self._units(skeleton, sides * LIKELY_FILL, terms), self.rates, most.memory)
        return Prediction(middle.seconds, least.low, most.high, most.memory, middle.terms, most.assumed)

    def price(self, left: float, right: float) -> float:
        """Seconds of one decomposition, by the bits of the bonds on either side."""
        rates, size = self.rates.seconds, 2.0 ** min(MOST_BITS, left + right + 2)
        steps = size * 2.0 ** min(MOST_BITS, 1 + min(left, right))
        return float(rates["decomposition"] + rates["entry"] * size + rates["svd"] * steps)

    def memory(self, skeleton: Skeleton, fill: float = FULL) -> int:
        """Bytes of a process with the state: two complex matrices of χ x χ at each qubit, and as much to work in."""
        return _memory(bounds(skeleton).bonds, fill)

    def _probed(self, skeleton: Skeleton, terms: Sequence[Letters], bound: Bounds, found: Meetings) -> Prediction:
        known, most_sides = _table(found), _table(bound.sides)
        rest = most_sides[len(known) :]
        last = slice(max(0, len(known) - LAST), len(known))
        fill = min(FULL, float(known[last].sum()) / max(1e-9, float(most_sides[last].sum())))
        low, high = (max(0.0, fill - DOUBT), FULL) if len(rest) else (fill, fill)
        middle, least, most = (
            priced(self._units(skeleton, np.concatenate([known, rest * part]), terms), self.rates)
            for part in (fill, low, high)
        )
        memory = _memory(bound.bonds, high)
        return Prediction(middle.seconds, least.low, most.high, memory, middle.terms, middle.assumed)


def _table(sides: Meetings) -> Table:
    """Shape (what happens, left and right): the bits of all swaps and gates, one after another."""
    return np.array([each for step in sides for each in step], dtype=float).reshape(-1, 2)


def _memory(bonds: Sequence[int], fill: float) -> int:
    bits = (0, *bonds, 0)
    entries = sum(2.0 ** min(MOST_BITS, fill * (left + right)) for left, right in pairwise(bits))
    return int(PROCESS + 2 * 2 * 16 * entries)
