"""Swaps that a processor takes whose qubits are not all coupled: an estimate for planning, nothing is routed.

Qubits get places, and a gate on two whose places are d couplings apart takes d - 1 swaps to bring them together. What a
router saves by leaving qubits where a swap has brought them, and what it loses by that, is not followed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.errors import CircuitError

IN_A_SWAP = 3
"""Two-qubit gates."""

IN_A_WIDE_GATE = 6
"""Two-qubit gates that a gate on more than two qubits counts as: those of a Toffoli gate."""

Weights = Mapping[tuple[int, int], float]
"""Two-qubit gates of each pair of a circuit's qubits, the lower first."""


class Routing:
    """A processor of so many `qubits`, joined by `couplings`, which hold in both directions."""

    def __init__(self, qubits: int, couplings: Sequence[tuple[int, int]]) -> None:
        self._near: list[set[int]] = [set() for _ in range(qubits)]
        for one, other in couplings:
            self._near[one].add(other)
            self._near[other].add(one)
        self._rows: dict[int, NDArray[np.float64]] = {}

    @cached_property
    def parts(self) -> list[list[int]]:
        """Qubits that couplings join, directly or over others; the smallest part first."""
        left = set(range(len(self._near)))
        found = []
        while left:
            part = np.flatnonzero(np.isfinite(self.distances(min(left)))).tolist()
            left.difference_update(part)
            found.append(part)
        return sorted(found, key=len)

    @property
    def widest(self) -> int:
        """Qubits of the largest part."""
        return len(self.parts[-1])

    def distances(self, qubit: int) -> NDArray[np.float64]:
        """Couplings from `qubit` to each; infinite where no path leads there."""
        if (found := self._rows.get(qubit)) is not None:
            return found
        row = np.full(len(self._near), inf)
        row[qubit] = 0.0
        waiting = deque([qubit])
        while waiting:
            here = waiting.popleft()
            for there in self._near[here]:
                if row[there] == inf:
                    row[there] = row[here] + 1
                    waiting.append(there)
        self._rows[qubit] = row
        return row

    def swaps(self, skeleton: Skeleton) -> int:
        """Swaps for all gates of a circuit, in the best of three layouts: its qubits in their order, or `placed`.

        A gate on more than two qubits counts as six on two, in equal parts on its pairs. Raises CircuitError where
        qubits that interact find no places that are joined.
        """
        weights = weights_of(skeleton)
        in_order = self._count(weights, range(skeleton.qubits)) if skeleton.qubits <= len(self._near) else inf
        if in_order == 0:
            return 0
        others = [self._count(weights, self.placed(weights, inwards)) for inwards in (False, True)]
        return ceil(min(in_order, *others) - 1e-9)

    def placed(self, weights: Weights, inwards: bool = False) -> dict[int, int]:
        """A place for each qubit that interacts: next to those that it has most gates with, one after another.

        The largest group of qubits that hang together comes first, into the smallest part with room. inwards: its first
        qubit is that with the fewest gates, at the rim, as suits chains; else that with the most, in the middle. Raises
        CircuitError where there is no room.
        """
        near: dict[int, dict[int, float]] = {}
        for (one, other), weight in weights.items():
            near.setdefault(one, {})[other] = near.setdefault(other, {})[one] = weight
        places: dict[int, int] = {}
        free = [set(part) for part in self.parts]
        for group in _groups(near):
            room = min((part for part in free if len(part) >= len(group)), key=len, default=None)
            if room is None:
                most = max(map(len, free))
                raise CircuitError(
                    f"has no path between qubits that interact: {len(group)} of the circuit hang together by gates, "
                    f"and its couplings join at most {most} of its {len(self._near)} qubits that are left"
                )
            self._place(group, near, room, places, inwards)
        return places

    def _place(
        self,
        group: Collection[int],
        near: Mapping[int, Mapping[int, float]],
        room: set[int],
        places: dict[int, int],
        inwards: bool,
    ) -> None:
        """Places for one group in `room`, of which they are taken."""
        sign = -1 if inwards else 1
        pull = dict.fromkeys(group, 0.0)  # gates with qubits that have a place
        gates = {qubit: sum(near[qubit].values()) for qubit in group}
        while pull:
            qubit = max(pull, key=lambda one: (pull[one], gates[one] * (1 if pull[one] else sign), -one))
            del pull[qubit]
            settled = [(places[other], weight) for other, weight in near[qubit].items() if other in places]
            able = np.array(sorted(room))
            open_ = np.array([len(self._near[one] & room) for one in able.tolist()])
            if settled:  # the nearest, and of equally near ones that beside which most is free
                away = sum(weight * self.distances(place)[able] for place, weight in settled)
                place = int(able[np.lexsort((-open_, away))[0]])
            else:
                place = int(able[np.argmax(sign * open_)])
            room.remove(place)
            places[qubit] = place
            for other, weight in near[qubit].items():
                if other in pull:
                    pull[other] += weight

    def _count(self, weights: Weights, places: Mapping[int, int] | Sequence[int]) -> float:
        return sum(
            weight * (float(self.distances(places[one])[places[other]]) - 1) for (one, other), weight in weights.items()
        )


def weights_of(skeleton: Skeleton) -> Weights:
    """How many two-qubit gates each pair has, the parts of wider gates included."""
    found: dict[tuple[int, int], float] = defaultdict(float)
    for wires in skeleton.wires:
        pairs = [(one, other) if one < other else (other, one) for i, one in enumerate(wires) for other in wires[:i]]
        for pair in pairs:
            found[pair] += 1.0 if len(wires) == 2 else IN_A_WIDE_GATE / len(pairs)
    return found


def _groups(near: Mapping[int, Mapping[int, float]]) -> list[list[int]]:
    """Qubits that hang together by gates, the largest group first."""
    left, found = set(near), []
    while left:
        waiting = [min(left)]
        group = set(waiting)
        while waiting:
            new = near[waiting.pop()].keys() - group
            group |= new
            waiting += new
        left -= group
        found.append(sorted(group))
    return sorted(found, key=len, reverse=True)
