"""Cost of a matrix-product state, exact but for Schmidt coefficients below 1e-8, which Aer drops.

It follows from bond dimensions, and those from the structure.

A gate on neighbours makes a matrix of m = 2·χ_left rows and n = 2·χ_right columns and takes its singular values. Aer
wants both factors as square matrices, and multiplies all three to see whether it was right: about m·n·max(m, n) steps
("svd") and m·n of other work ("entry"). Distant qubits are brought together by swaps, each of the same kind, and a gate
on three qubits makes two such matrices, the first with 4·χ_right columns (`circuit/meetings.py`; Vidal 2003; Schollwöck
2011, §4). A Pauli string is read from one end of the line to the other, whatever its qubits: χ·χ'·(χ + χ') steps at a
qubit between bonds χ and χ' ("observe"). The bound on χ from the circuit's structure is what can happen, not what does:
angles may make less of it. Where that matters a probe decides, which follows the circuit for a while
(`circuit/schmidt_ranks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.meetings import Sides, Widths, bounds
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.state_vector import CONTROLLED, TURNED
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

MPS = "aer-mps"

Table = NDArray[np.float64]

Foresee = Callable[[Sequence[Sequence[Sides]]], float]
"""Seconds that a circuit will take at least, by what is known of its meetings so far."""

Probe = Callable[[Foresee], Widths]
"""Follows the circuit, as long as it may still be worth it, and returns how wide its bonds really are."""

MOST_BITS = 300.0
"""Beyond, powers of two are no floats when they are multiplied; nobody can pay what is less."""

FULL = 1.0
LEAST_FILL = 0.0
"""Clifford circuits and Fourier transforms of basis states have been seen to entangle nothing, whatever they might."""

LIKELY_FILL = 0.6
"""The part of the bits to reckon with where nothing is known."""

LAST = 40
"""Gates and swaps at the end of what a probe followed that stand for what comes after."""

DOUBTFUL = 3.0
"""The factor between full bonds and empty ones from which on a probe is worth its time."""

DOUBT = 0.1
"""By how much of the bound's bits the rest may have less than them; it may have all."""

TELLING = 40.0
"""Bits that the last bonds might have had, from which on what they did have tells of the rest."""

GRADES = 10
"""Steps between empty and full in which the rest is foreseen."""

PROCESS = 128 * 2**20


class Opened(NamedTuple):
    """What a gate on two qubits consists of: gates on both, on one, and how many of all have an angle."""

    pairs: int
    singles: int
    turned: int


OPENED = {
    "ch": Opened(1, 6, 0),
    "crx": Opened(2, 4, 2),
    "cry": Opened(2, 2, 2),
    "crz": Opened(2, 2, 2),
    "cs": Opened(1, 2, 0),
    "csdg": Opened(2, 2, 0),
    "cu": Opened(2, 5, 5),
    "cu1": Opened(2, 3, 3),
    "cu3": Opened(2, 4, 4),
    "dcx": Opened(2, 0, 0),
    "iswap": Opened(2, 4, 0),
    "xx_minus_yy": Opened(2, 2, 4),
    "xx_plus_yy": Opened(2, 2, 4),
}
"""Standard gates on two qubits that Aer's matrix-product state does not take as they are."""

TAKEN = frozenset(["ccx", "cswap"])
"""Standard gates on more than two qubits that it does take."""


@dataclass(frozen=True, slots=True)
class MatrixProductState:
    """Predicts Aer's matrix-product state. rates: of the model "aer-mps"."""

    rates: Rates

    def units(
        self,
        skeleton: Skeleton,
        terms: Sequence[Letters] = (),
        fill: float = FULL,
        widths: Widths | None = None,
        warm: bool = False,
    ) -> Units:
        """Units of evolving `skeleton` and reading `terms`.

        fill: the part of the bound's bits that really come up; widths: the true ones, where they are known. warm: the
        worker has this circuit's gates opened already.
        """
        found = _Course.of(bounds(skeleton)).times(fill) if widths is None else _Course.of(widths)
        return self._units(skeleton, found, terms, warm)

    def _units(self, skeleton: Skeleton, course: _Course, terms: Sequence[Letters], warm: bool = False) -> Units:
        opened = [OPENED[name] for name in skeleton.names if name in OPENED]
        left, right = course.each(skeleton).T
        bonds = course.bonds
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton) + sum(one.pairs + one.singles - 1 for one in opened)),
            "angle": float(sum(name in TURNED and name not in OPENED for name in skeleton.names))
            + sum(one.turned for one in opened),
            "controlled": float(sum(name in CONTROLLED and name not in OPENED for name in skeleton.names)),
            "opened": 0.0 if warm else float(len(opened)),
            "decomposition": float(len(left)),
            "entry": float(np.exp2(left + right + 2).sum()),
            "svd": float(np.exp2(left + right + np.maximum(left, right) + 3).sum()),
            "string": float(len(terms)),
            "observe": len(terms) * float(np.exp2(bonds[:-1] + bonds[1:]) @ (np.exp2(bonds[:-1]) + np.exp2(bonds[1:]))),
        }

    def predict(
        self,
        skeleton: Skeleton,
        terms: Sequence[Letters] = (),
        probe: Probe | None = None,
        doubt: float = DOUBTFUL,
        warm: bool = False,
        bound: Widths | None = None,
    ) -> Prediction:
        """The run, from its bound down to what circuits of small angles take.

        probe: asked only where the bound leaves more than a factor of `doubt` open. Where it came to the end, nothing
        is left in doubt; else the rest has at least about as many bits, of its bounds, as the last gates had, and
        usually more: circuits go on entangling. The middle between that and all is right on average (of 26 circuits,
        half followed). warm: see `units`. bound: `bounds` of the skeleton, where somebody has them.
        """
        full = _Course.of(bounds(skeleton) if bound is None else bound)
        most = priced(self._units(skeleton, full, terms, warm), self.rates, full.memory())
        least = priced(self._units(skeleton, full.times(LEAST_FILL), terms, warm), self.rates)
        if most.seconds <= doubt * least.seconds:
            return Prediction(most.seconds, least.low, most.high, most.memory, most.terms, most.assumed)
        if probe is not None and (found := probe(_Foresight(self, full))).sides:
            return self._probed(skeleton, terms, full, _Course.of(found), warm)
        middle = priced(self._units(skeleton, full.times(LIKELY_FILL), terms, warm), self.rates, most.memory)
        return Prediction(middle.seconds, least.low, most.high, most.memory, middle.terms, most.assumed)

    def prices(self, sides: Table) -> Table:
        """Seconds of each decomposition, by the bits of the bonds on either side. sides: shape (matrices, 2)."""
        rates, (left, right) = self.rates.seconds, sides.T
        sizes = np.exp2(left + right + 2)
        steps = sizes * np.exp2(1 + np.maximum(left, right))
        found: Table = rates["decomposition"] + rates["entry"] * sizes + rates["svd"] * steps
        return found

    def memory(self, skeleton: Skeleton, fill: float = FULL) -> int:
        """Bytes of a process with the state: two complex matrices of χ x χ at each qubit, and as much to work in, or
        what the largest matrix takes that is taken apart, with its factors and a copy of all.
        """
        return _Course.of(bounds(skeleton)).times(fill).memory()

    def _probed(
        self, skeleton: Skeleton, terms: Sequence[Letters], bound: _Course, known: _Course, warm: bool
    ) -> Prediction:
        followed = len(known.sides)
        last = slice(max(0, followed - LAST), followed)
        fill = min(FULL, float(known.sides[last].sum()) / max(1e-9, float(bound.sides[last].sum())))
        whole = followed >= len(bound.sides)
        low, likely, high = (fill,) * 3 if whole else (max(0.0, fill - DOUBT), (fill + FULL) / 2, FULL)
        courses = [known if whole else bound.times(part).after(known) for part in (likely, low, high)]
        middle, least, most = (priced(self._units(skeleton, one, terms, warm), self.rates) for one in courses)
        memory = max(courses[-1].memory(), bound.times(high).memory())  # at the end there may be less than before
        return Prediction(middle.seconds, least.low, most.high, memory, middle.terms, middle.assumed)


class _Foresight:
    """What a circuit will take at least: what it has taken, and the rest at almost the fill of what came last."""

    def __init__(self, model: MatrixProductState, bound: _Course) -> None:
        self._model, self._bound = model, bound
        self._most = np.concatenate([[0.0], np.cumsum(bound.sides.sum(axis=1))])  # bits before each matrix, at most
        self._found = np.zeros(len(bound.sides) + 1)
        self._meetings = self._matrices = 0
        self._spent = 0.0
        self._rest: dict[int, Table] = {}

    def __call__(self, found: Sequence[Sequence[Sides]]) -> float:
        new = np.array([each for step in found[self._meetings :] for each in step], dtype=float).reshape(-1, 2)
        begin, self._meetings, self._matrices = self._matrices, len(found), self._matrices + len(new)
        now = self._matrices
        self._found[begin + 1 : now + 1] = self._found[begin] + np.cumsum(new.sum(axis=1))
        self._spent += float(self._model.prices(np.minimum(new, MOST_BITS)).sum())
        last = max(0, now - LAST)
        most = self._most[now] - self._most[last]
        fill = (self._found[now] - self._found[last]) / most if most >= TELLING else 0.0
        return self._spent + float(self._from(max(0, round(GRADES * (min(FULL, fill) - DOUBT))))[now])

    def _from(self, grade: int) -> Table:
        """Seconds of all from each matrix on, filled to so many tenths."""
        if grade not in self._rest:
            prices = self._model.prices(self._bound.sides * (grade / GRADES))
            self._rest[grade] = np.concatenate([np.cumsum(prices[::-1])[::-1], [0.0]])
        return self._rest[grade]


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """`Widths` as arrays. sides: shape (matrices, left and right), one after another; gates: how many of them each
    meeting makes; bonds: shape (qubits + 1,), those at the ends, which are none, included.
    """

    sides: Table
    gates: tuple[int, ...]
    bonds: Table

    @staticmethod
    def of(widths: Widths) -> _Course:
        sides = np.array([each for step in widths.sides for each in step], dtype=float).reshape(-1, 2)
        bonds = np.array([0.0, *widths.bonds, 0.0])
        return _Course(
            np.minimum(sides, MOST_BITS), tuple([len(each) for each in widths.sides]), np.minimum(bonds, MOST_BITS)
        )

    def times(self, fill: float) -> _Course:
        """With this part of all bits."""
        return _Course(self.sides * fill, self.gates, self.bonds * fill)

    def after(self, known: _Course) -> _Course:
        """`known`, and this where it ends."""
        return _Course(np.concatenate([known.sides, self.sides[len(known.sides) :]]), self.gates, self.bonds)

    def each(self, skeleton: Skeleton) -> Table:
        """The sides of all that happens, gates opened: those on two qubits leave the sides as they are."""
        if OPENED.keys().isdisjoint(skeleton.names):
            return self.sides
        names = [name for name, wires in zip(skeleton.names, skeleton.wires, strict=True) if len(wires) > 1]
        times = np.ones(len(self.sides), dtype=int)
        for last, name in zip(np.cumsum(self.gates) - 1, names, strict=False):
            if name in OPENED:
                times[last] = OPENED[name].pairs
        return np.repeat(self.sides, times, axis=0)

    def memory(self) -> int:
        """Bytes, see `MatrixProductState.memory`."""
        state = 2 * float(np.exp2(np.minimum(MOST_BITS, self.bonds[:-1] + self.bonds[1:])).sum())
        rows, columns = np.exp2(np.minimum(MOST_BITS, self.sides + 1)).T
        work = 2 * float(np.max(rows**2 + rows * columns + columns**2, initial=0.0))
        return int(PROCESS + 16 * (state + max(state, work)))
