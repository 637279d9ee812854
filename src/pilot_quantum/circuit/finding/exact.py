"""Gate cuts of least overhead, with a proof: a set-partition programme over all groups of qubits that fit.

Every division of the qubits is a choice of groups that holds each qubit once, and costs half of the weight between each
group and the rest. Prices y of the qubits with y(T) ≤ cost(T) for all groups T bound every division from below by Σy
(linear-programming duality). The best prices come from the simplex method, whose pricing step looks at all 2ⁿ groups
at once. A group whose reduced cost cost(T) - y(T) exceeds what is left between Σy and the best division known is in no
better one; the few others are searched through.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.finding.subsets import outward, sizes, sums

MOST_QUBITS = 22
"""Beyond this the tables of 2ⁿ numbers take too much memory: at 22 qubits about 150 MB."""

TOLERANCE = 1e-9
"""Costs (ln κ²) closer than this are equal."""

_PERTURBATION = 1e-5  # of the right-hand side, which would make most pivots of a set partition degenerate
_ENTERING = 64  # groups kept from one look at all of them for the pivots to come


@dataclass(frozen=True, slots=True)
class Proof:
    """The best division found: the part of each qubit, its cost (ln κ²), and a bound that no division is below.

    proved: nothing is better than `cost`, up to TOLERANCE; otherwise time ran out.
    """

    parts: tuple[int, ...]
    cost: float
    bound: float
    proved: bool


def prove(weights: NDArray[np.float64], parts: tuple[int, ...], width: int, seconds: float = 60.0) -> Proof:
    """The division of n qubits into groups of at most `width` with the least weight between groups.

    weights: (n, n), symmetric, zero diagonal. parts: a division that fits, to begin with. seconds: when to give up.
    Raises ValueError for more than MOST_QUBITS qubits.
    """
    count = len(weights)
    if count > MOST_QUBITS:
        raise ValueError(f"{count} qubits that hang together; a proof by tables is possible up to {MOST_QUBITS}")
    deadline = time.monotonic() + seconds
    labels = np.array(parts)
    known = float(weights[labels[:, None] != labels[None, :]].sum() / 2)
    costs = outward(weights) / 2
    costs[sizes(count) > width] = np.inf
    costs[0] = np.inf
    prices = _prices(costs, count, deadline)
    bound = float(prices.sum())
    grain = _grain(weights)
    # A better division is better by a whole grain at least.
    search = _Search(costs, prices, known - grain + TOLERANCE if grain else known - TOLERANCE, deadline)
    better = search.run()
    if better is None:
        cost, groups = known, None
    else:
        cost, groups = better
        labels = np.empty(count, np.int64)
        for label, group in enumerate(groups):
            labels[[qubit for qubit in range(count) if group >> qubit & 1]] = label
    proved = search.finished
    return Proof(tuple(labels.tolist()), cost, cost if proved else max(0.0, bound), proved)


def _grain(weights: NDArray[np.float64]) -> float:
    """What all costs are whole multiples of, where all weights are multiples of the least; else 0."""
    positive = weights[weights > TOLERANCE]
    if not positive.size:
        return 0.0
    least = float(positive.min())
    multiples = positive / least
    return least if float(np.abs(multiples - np.round(multiples)).max()) < TOLERANCE else 0.0


def _prices(costs: NDArray[np.float64], count: int, deadline: float) -> NDArray[np.float64]:
    """Prices of the qubits that no group's cost is below, with the greatest sum: revised simplex, from single qubits.

    Stopped by the deadline, prices are lowered until they bound; so they always do.
    """
    basis = [1 << qubit for qubit in range(count)]
    inverse = np.eye(count)
    # Each row a different amount: ties in the ratio test are what lets the simplex method circle.
    amounts = 1 + _PERTURBATION * np.arange(1, count + 1) / count
    qubits = np.arange(count)
    while True:
        prices = costs[basis] @ inverse
        reduced = costs - sums(prices)
        entering = (
            np.argpartition(reduced, _ENTERING)[:_ENTERING] if reduced.size > _ENTERING else np.arange(reduced.size)
        )
        lowest = float(reduced[entering].min())
        if lowest > -TOLERANCE or time.monotonic() > deadline:
            # Lowered by the worst excess, which a group of one qubit feels least, they bound whatever happened.
            return prices - max(0.0, -lowest)
        members = (entering[:, None] >> qubits & 1).astype(np.float64)
        while time.monotonic() < deadline:
            values = costs[entering] - members @ (costs[basis] @ inverse)
            best = int(values.argmin())
            if values[best] > -TOLERANCE:
                break
            column = inverse @ members[best]
            positive = np.flatnonzero(column > 1e-9)
            leaving = positive[(amounts[positive] / column[positive]).argmin()]
            pivot = inverse[leaving] / column[leaving]
            step = amounts[leaving] / column[leaving]
            inverse -= np.outer(column, pivot)
            inverse[leaving] = pivot
            amounts -= column * step
            amounts[leaving] = step
            basis[leaving] = int(entering[best])


class _Search:
    """Divisions that cost at most `limit`, in depth, by reduced costs; the limit falls with each one found."""

    def __init__(self, costs: NDArray[np.float64], prices: NDArray[np.float64], limit: float, deadline: float) -> None:
        self._costs = costs
        self._bound = float(prices.sum())
        self._limit = limit
        self._deadline = deadline
        self._everything = len(costs) - 1
        reduced = costs - sums(prices)
        groups = np.flatnonzero(reduced <= limit - self._bound)
        order = np.argsort(reduced[groups], kind="stable")
        self._groups = groups[order]
        self._reduced = reduced
        self.finished = True
        self._found: tuple[float, tuple[int, ...]] | None = None

    def run(self) -> tuple[float, tuple[int, ...]] | None:
        """The best division below the limit with its cost, or None; `finished` says whether all were looked at."""
        self._descend(0, 0.0, self._groups, ())
        return self._found

    def _descend(self, covered: int, excess: float, groups: NDArray[np.int64], chosen: tuple[int, ...]) -> None:
        if covered == self._everything:
            cost = float(self._costs[list(chosen)].sum())
            if cost <= self._limit:
                self._found = (cost, chosen)
                self._limit = cost - TOLERANCE
            return
        if time.monotonic() > self._deadline:
            self.finished = False
            return
        lowest = ~covered & (covered + 1)
        candidates = groups[(groups & lowest) != 0]
        for group in candidates.tolist():
            total = excess + float(self._reduced[group])
            if self._bound + total > self._limit:
                break
            left = groups[(groups & group) == 0]
            left = left[self._reduced[left] <= self._limit - self._bound - total]
            self._descend(covered | group, total, left, (*chosen, group))
            if not self.finished:
                return
