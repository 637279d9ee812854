"""How the qubits of a line meet: gates act on neighbours, so distant qubits are swapped towards each other, and stay.

The right one moves left until it is beside the other, as in Aer's matrix-product state. Since nobody moves back, the
order of the qubits drifts away from that of the circuit, and with it the entanglement over each bond of the line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from pilot_quantum.circuit.entanglement import ANY_GATE
from pilot_quantum.circuit.skeleton import Skeleton

Sides = tuple[float, float]
"""log2 of the bonds to the left and to the right of two neighbours, when something acts on them."""


class Meeting(NamedTuple):
    """A gate acts on two neighbours. gate: its position in the skeleton. swaps: places of neighbours that change places
    first, the left one's, in this order. at: the place of the left one when the gate acts; left: which qubit that is.
    """

    gate: int
    swaps: tuple[int, ...]
    at: int
    left: int


class Bounds(NamedTuple):
    """What can happen at most. sides: for each meeting those of its swaps, then of the gate. bonds: at the end, log2 of
    the Schmidt rank over each of the `qubits` - 1 bonds of the line, in the order that the qubits then have.
    """

    sides: tuple[tuple[Sides, ...], ...]
    bonds: tuple[int, ...]


def meetings(skeleton: Skeleton) -> list[Meeting]:
    """All of a circuit, in order; a gate on more than two qubits makes each of its qubits meet the next."""
    order = list(range(skeleton.qubits))
    place = list(range(skeleton.qubits))
    found = []
    for gate, wires in enumerate(skeleton.wires):
        if len(wires) < 2:
            continue
        for one, other in pairwise(wires):
            left, right = sorted((place[one], place[other]))
            swaps = tuple(range(right - 1, left, -1))
            for at in swaps:
                order[at], order[at + 1] = order[at + 1], order[at]
                place[order[at]], place[order[at + 1]] = at, at + 1
            found.append(Meeting(gate, swaps, left, order[left]))
    return found


def bounds(skeleton: Skeleton) -> Bounds:
    """Bounds from the structure alone: a gate adds no more than its own operator-Schmidt rank, and bonds beside each
    other differ by a qubit at most (Vidal 2003).
    """
    bits = [0] * (skeleton.qubits + 1)  # bits[k]: over the bond to the left of place k; the ends are none
    together: dict[tuple[int, int], int] = {}  # bits that gates on these two, one after another, have added so far
    partner: dict[int, tuple[int, int]] = {}
    found = []
    for meeting in meetings(skeleton):
        sides: list[Sides] = []
        for at in meeting.swaps:
            sides.append((bits[at], bits[at + 2]))
            bits[at + 1] = min(bits[at + 1] + ANY_GATE, bits[at] + 1, bits[at + 2] + 1)
        at, wires = meeting.at, skeleton.wires[meeting.gate]
        sides.append((bits[at], bits[at + 2]))
        most = skeleton.kinds[meeting.gate].rank_bits or ANY_GATE
        done = 0
        if len(wires) == 2:
            pair = (min(wires), max(wires))
            if not meeting.swaps and partner.get(pair[0]) == partner.get(pair[1]) == pair:
                done = together[pair]
            together[pair] = min(ANY_GATE, done + most)
            most = together[pair] - done
            partner[pair[0]] = partner[pair[1]] = pair
        else:
            for qubit in wires:
                partner.pop(qubit, None)
        bits[at + 1] = min(bits[at + 1] + most, bits[at] + 1, bits[at + 2] + 1)
        found.append(tuple(sides))
    return Bounds(tuple(found), tuple(bits[1 : skeleton.qubits]))
