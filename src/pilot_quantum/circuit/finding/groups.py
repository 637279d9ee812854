"""The parts of a circuit that two-qubit gates tie together, each a problem of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.finding.slots import Labels, SlotGraph
from pilot_quantum.circuit.interactions import Interactions


@dataclass(frozen=True, slots=True)
class Group:
    """Some qubits of a circuit with all gates between them. places: of those gates, among the circuit's gates."""

    graph: SlotGraph
    places: tuple[int, ...]

    def spread(self, labels: Labels, offset: int, into: Labels) -> None:
        """Write the labels of this group's slots, each raised by `offset`, into those of the circuit's."""
        for gate, place in enumerate(self.places):
            into[2 * place] = labels[2 * gate] + offset
            into[2 * place + 1] = labels[2 * gate + 1] + offset


def groups(interactions: Interactions, together: bool = False) -> list[Group]:
    """The groups of qubits that gates tie together, or all qubits with gates `together`, if there are any."""
    roots: dict[int, int] = {}

    def root(qubit: int) -> int:
        while roots[qubit] != qubit:
            roots[qubit] = qubit = roots[roots[qubit]]
        return qubit

    for _, first, second, _, _ in interactions.gates:
        roots.setdefault(first, first)
        roots.setdefault(second, second)
        roots[root(first)] = root(second)
    places: dict[int, list[int]] = {}
    for place, gate in enumerate(interactions.gates):
        places.setdefault(0 if together else root(gate.first), []).append(place)
    return [_group(interactions, each) for each in places.values()]


def _group(interactions: Interactions, places: Sequence[int]) -> Group:
    gates = [interactions.gates[place] for place in places]
    qubits = sorted({qubit for gate in gates for qubit in (gate.first, gate.second)})
    local = {qubit: index for index, qubit in enumerate(qubits)}
    ends = [(local[gate.first], local[gate.second]) for gate in gates]
    # A gate that is a product up to rounding would weigh a little less than nothing.
    weights = [max(0.0, math.log(gate.overhead)) for gate in gates]
    return Group(SlotGraph.of(len(qubits), ends, weights), tuple(places))
