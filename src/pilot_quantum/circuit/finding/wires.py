"""Local search over the slot graph: whole qubits and parts of wires change sides, so that gate and wire cuts mix.

The step is a qubit at a time: with all others fixed, the best labels of its slots are a shortest path (Viterbi 1967)
over slots and parts. Where the part that it wants is full, another qubit makes room in the same step. Where no step
helps, a qubit at the border is forced over and the search goes on from there; what comes of it is kept if it is better
(iterated local search, Lourenço, Martin and Stützle 2003).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import inf
from random import Random

from pilot_quantum.circuit.finding.slots import Labels, SlotGraph

LEAST_GAIN = 1e-9

MOST_VISITS = 40_000
"""A search is not kicked any more when it has looked at so many slots, some 0.05 s, so that planning a large circuit
does not take seconds. A count, not a clock: what is found does not depend on the machine."""


class WireSearch:
    """Labels that get better; `cost` is their ln κ², `room` what each part has left of its width.

    Each qubit has to have a gate. widths: the most qubits of each part; parts may be empty.
    The labels given have to fit them.
    """

    def __init__(self, graph: SlotGraph, labels: Labels, widths: Sequence[int]) -> None:
        self.labels = list(labels)
        self.widths = tuple(widths)
        self.room = list(widths)
        self.cost = graph.cost(labels)
        self._visits = 0
        self._wire_weight = graph.wire_weight
        self._wires, self._near = graph.along, graph.near
        for runs in graph.runs(self.labels):
            for part in runs:
                self.room[part] -= 1

    def descend(self, qubits: Iterable[int] | None = None) -> None:
        """Step, beginning with these qubits (all, if None), until none lessens the cost, alone or with another."""
        waiting = deque(range(len(self._wires)) if qubits is None else qubits)
        blocked: set[int] = set()
        while waiting:
            queued = set(waiting)
            while waiting:
                qubit = waiting.popleft()
                queued.discard(qubit)
                moved = self._step(qubit)
                if moved is None:
                    continue
                if not moved:
                    blocked.add(qubit)
                    continue
                for near in self._near[qubit]:
                    if near not in queued:
                        queued.add(near)
                        waiting.append(near)
            for qubit in sorted(blocked):
                other = self._exchange(qubit)
                blocked.discard(qubit)
                if other is not None:
                    waiting.extend(sorted({qubit, other, *self._near[qubit], *self._near[other]}))
                    break

    def shake(self) -> None:
        """Force each qubit at the border over, until none of them leads to anything better."""
        qubit, last = 0, len(self._wires) - 1
        while self._visits < MOST_VISITS:
            for part in self._across(qubit):
                if self._kick([(qubit, part)]):
                    last = qubit
                    break
            else:
                if qubit == last:
                    return
            qubit = (qubit + 1) % len(self._wires)

    def wander(self, kicks: int, draw: Random) -> None:
        """Force two random qubits at the border over at once, `kicks` times."""
        for _ in range(kicks):
            border = [(qubit, part) for qubit in range(len(self._wires)) for part in self._across(qubit)]
            if len(border) < 2 or self._visits >= MOST_VISITS:
                return
            self._kick([border[int(draw.random() * len(border))] for _ in range(2)])

    def _kick(self, moves: Sequence[tuple[int, int]]) -> bool:
        """Move these qubits to these parts, make room, and go on from there; all as before unless it ends better."""
        labels, room, cost = self.labels.copy(), self.room.copy(), self.cost
        if self._forced(moves):
            self.descend([*{near: None for qubit, _ in moves for near in self._near[qubit]}])
            if self.cost < cost - LEAST_GAIN:
                return True
        self.labels, self.room, self.cost = labels, room, cost
        return False

    def _forced(self, moves: Sequence[tuple[int, int]]) -> bool:
        for qubit, part in moves:
            self._put(qubit, [part] * len(self._wires[qubit]))
            if self.room[part] < 0 and self._make_room(part, qubit, inf) is None:
                return False
        return True

    def _across(self, qubit: int) -> list[int]:
        """The parts that the qubit's gates reach and it is not wholly in."""
        labels, wire = self.labels, self._wires[qubit]
        own = {labels[slot] for slot, _, _ in wire}
        there = {labels[other] for _, other, _ in wire}
        return sorted(there | own if len(own) > 1 else there - own)

    def _cost_of(self, qubit: int) -> float:
        """What cuts at the qubit's slots and along its wire cost now."""
        labels = self.labels
        total = 0.0
        before = -1
        for slot, other, weight in self._wires[qubit]:
            label = labels[slot]
            if label != labels[other]:
                total += weight
            if label != before:
                if before >= 0:
                    total += self._wire_weight
                before = label
        return total

    def _best(self, qubit: int, parts: Sequence[int]) -> tuple[float, list[int]]:
        """The shortest path through these parts: its cost, and the label of each slot of the qubit."""
        self._visits += len(self._wires[qubit])
        if len(parts) == 2:
            return self._best_of_two(qubit, parts[0], parts[1])
        labels = self.labels
        places = range(len(parts))
        costs = [0.0] * len(parts)
        choices = []
        for _, other, weight in self._wires[qubit]:
            least = min(costs)
            source = costs.index(least)
            least += self._wire_weight
            chosen = [source if least < costs[place] else place for place in places]
            choices.append(chosen)
            there = labels[other]
            costs = [
                (least if least < costs[place] else costs[place]) + (0.0 if parts[place] == there else weight)
                for place in places
            ]
        least = min(costs)
        place = costs.index(least)
        path = []
        for chosen in reversed(choices):
            path.append(parts[place])
            place = chosen[place]
        path.reverse()
        return least, path

    def _best_of_two(self, qubit: int, one: int, two: int) -> tuple[float, list[int]]:
        """The same through two parts, as most are: then at a slot at most one of them is reached from the other."""
        labels, change = self.labels, self._wire_weight
        here = there = 0.0
        switches = []  # to which part the path changes before each slot, if it comes through that part; -1: to neither
        for _, other, weight in self._wires[qubit]:
            switch = -1
            if here <= there:
                if here + change < there:
                    there, switch = here + change, two
            elif there + change < here:
                here, switch = there + change, one
            switches.append(switch)
            end = labels[other]
            if end != one:
                here += weight
            if end != two:
                there += weight
        least, part = (here, one) if here <= there else (there, two)
        path = []
        for switch in reversed(switches):
            path.append(part)
            if switch == part:
                part = two if part == one else one
        path.reverse()
        return least, path

    def _put(self, qubit: int, path: Sequence[int]) -> list[int]:
        """Give the qubit's slots these labels; returns those they had."""
        self.cost -= self._cost_of(qubit)
        old = []
        before = after = -1
        for (slot, _, _), part in zip(self._wires[qubit], path, strict=True):
            label = self.labels[slot]
            old.append(label)
            if label != before:
                self.room[label] += 1
                before = label
            if part != after:
                self.room[part] -= 1
                after = part
            self.labels[slot] = part
        self.cost += self._cost_of(qubit)
        return old

    def _parts_near(self, qubit: int) -> tuple[set[int], set[int]]:
        """The parts that the qubit is in, and those with the parts at the other ends of its gates."""
        labels, wire = self.labels, self._wires[qubit]
        own = {labels[slot] for slot, _, _ in wire}
        return own, own | {labels[other] for _, other, _ in wire}

    def _step(self, qubit: int) -> bool | None:
        """Take the qubit's best labels if they are better: whether they fit, or None where there are none."""
        own, near = self._parts_near(qubit)
        if len(near) < 2:
            return None
        now = self._cost_of(qubit)
        parts = sorted(near)
        cost, path = self._best(qubit, parts)
        if cost >= now - LEAST_GAIN:
            return None
        if self._fitting(qubit, path):
            return True
        parts = [part for part in parts if self.room[part] > 0 or part in own]
        if len(parts) > 1:
            cost, path = self._best(qubit, parts)
            if cost < now - LEAST_GAIN and self._fitting(qubit, path):
                return True
        return False

    def _fitting(self, qubit: int, path: Sequence[int]) -> bool:
        """Take these labels if no part overflows."""
        old = self._put(qubit, path)
        if min(self.room) >= 0:
            return True
        self._put(qubit, old)
        return False

    def _exchange(self, qubit: int) -> int | None:
        """Take the qubit's best labels though a part overflows, if another leaves it at a lesser loss: that other."""
        now = self._cost_of(qubit)
        cost, path = self._best(qubit, sorted(self._parts_near(qubit)[1]))
        if cost >= now - LEAST_GAIN:
            return None
        old = self._put(qubit, path)
        full = [part for part, room in enumerate(self.room) if room < 0]
        if not full:
            return qubit
        if len(full) == 1 and self.room[full[0]] == -1:
            other = self._make_room(full[0], qubit, now - cost - LEAST_GAIN)
            if other is not None:
                return other
        self._put(qubit, old)
        return None

    def _make_room(self, part: int, keep: int, most: float) -> int | None:
        """Let the qubit leave `part` that loses least, less than `most`, and is not `keep`; it is returned."""
        labels = self.labels
        spare = max(range(len(self.room)), key=self.room.__getitem__)
        bounds = []
        for other, wire in enumerate(self._wires):
            if other == keep or part not in [labels[slot] for slot, _, _ in wire]:
                continue
            before = self._cost_of(other)
            # Outside of the part, its gates with those who stay are cut, whatever else happens.
            bound = sum([weight for _, end, weight in wire if labels[end] == part]) - before
            if bound < most:
                bounds.append((bound, other, before))
        ways: list[tuple[float, int, list[int]]] = []
        for bound, other, before in sorted(bounds):
            if ways and bound >= ways[0][0]:
                break
            own, near = self._parts_near(other)
            parts = sorted(each for each in near | {spare} if each != part and (self.room[each] > 0 or each in own))
            if parts:
                after, path = self._best(other, parts)
                if after - before < most:
                    insort(ways, (after - before, other, path))
        for _, other, path in ways:
            if self._fitting(other, path):
                return other
        return None
