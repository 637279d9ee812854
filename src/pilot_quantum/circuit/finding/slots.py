"""The slot graph: one slot for each end of a two-qubit gate. Labels of slots say which part runs what.

A gate whose two slots differ is cut; the wire of a qubit is cut where the label changes from one slot to the next. A
part needs one qubit for each run of equal labels along a wire: what is measured at a cut is not used again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.interactions import WIRE_OVERHEAD

WIRE_WEIGHT = math.log(WIRE_OVERHEAD)

Labels = list[int]
"""Part of each slot; slots 2g and 2g + 1 are the first and the second end of gate g."""


@dataclass(frozen=True)
class SlotGraph:
    """Gates between qubits 0 to `qubits` - 1, in their order.

    ends: the two qubits of each gate. weights: ln κ² of each gate, never negative.
    wires: the slots along each qubit's wire, in their order. wire_weight: ln κ² of a wire cut; infinite forbids them.
    """

    qubits: int
    ends: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]
    wires: tuple[tuple[int, ...], ...]
    wire_weight: float = WIRE_WEIGHT

    @classmethod
    def of(cls, qubits: int, ends: Sequence[tuple[int, int]], weights: Sequence[float]) -> SlotGraph:
        """The graph of the gates with these ends and weights."""
        wires: list[list[int]] = [[] for _ in range(qubits)]
        for gate, (first, second) in enumerate(ends):
            wires[first].append(2 * gate)
            wires[second].append(2 * gate + 1)
        return cls(qubits, tuple(ends), tuple(weights), tuple(map(tuple, wires)))

    @cached_property
    def along(self) -> list[list[tuple[int, int, float]]]:
        """For each qubit the slots along its wire, each with the slot at the gate's other end and the gate's weight."""
        return [[(slot, slot ^ 1, self.weights[slot >> 1]) for slot in wire] for wire in self.wires]

    @cached_property
    def near(self) -> list[list[int]]:
        """For each qubit those that it has gates with, rising."""
        ends = [qubit for pair in self.ends for qubit in pair]
        return [sorted({ends[slot ^ 1] for slot in wire}) for wire in self.wires]

    def bonds(self) -> NDArray[np.float64]:
        """(qubits, qubits), symmetric: the summed weight of the gates between two qubits."""
        matrix = np.zeros((self.qubits, self.qubits))
        if self.ends:
            first, second = np.array(self.ends).T
            np.add.at(matrix, (first, second), self.weights)
            np.add.at(matrix, (second, first), self.weights)
        return matrix

    def spread(self, parts: Sequence[int]) -> Labels:
        """The labels of slots where each whole qubit belongs to a part."""
        return [parts[qubit] for pair in self.ends for qubit in pair]

    def cost(self, labels: Labels) -> float:
        """ln of the sampling overhead κ²."""
        gates = sum(weight for gate, weight in enumerate(self.weights) if labels[2 * gate] != labels[2 * gate + 1])
        cuts = sum(map(len, self.runs(labels))) - sum(map(bool, self.wires))
        return gates + (self.wire_weight * cuts if cuts else 0.0)

    def parts(self, labels: Labels) -> tuple[int, ...] | None:
        """The part of each qubit, where no wire is cut."""
        found = self.runs(labels)
        return tuple(run[0] for run in found) if all(len(run) == 1 for run in found) else None

    def runs(self, labels: Labels) -> list[list[int]]:
        """The labels of the runs along each qubit's wire."""
        return [[label for label, _ in groupby([labels[slot] for slot in wire])] for wire in self.wires]
