"""How the qubits of a line meet: gates act on neighbours, so distant qubits are swapped towards each other, and stay.

Of a gate's qubits the middle one (of two or four: the one left of the middle) keeps its place, and the others move up
to it, as in Aer's matrix-product state. Since nobody moves back, the order of the qubits drifts away from that of the
circuit, and with it the entanglement over each bond of the line. Only a swap gate leaves the order: what is in its
places goes there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pilot_quantum.circuit.entanglement import ANY_GATE
from pilot_quantum.circuit.skeleton import Skeleton

SWAP = "swap"

Sides = tuple[float, float]
"""log2 of the smaller bond dimensions around a matrix that is taken apart: of a bits to the left and b to the right, it
has 2^(a + 1) rows and 2^(b + 1) columns. For two neighbours these are the bonds on either side of them.
"""


class Meeting(NamedTuple):
    """A gate acts on neighbours. gate: its position in the skeleton. swaps: places of neighbours that change places
    first, the left one's, in this order. at: the place of the leftmost when the gate acts; qubits: who then stands at
    this place, at the next, and so on. For a swap gate that is the last of the swaps which make it up, and the order of
    the qubits is as before.
    """

    gate: int
    swaps: tuple[int, ...]
    at: int
    qubits: tuple[int, ...]


class Widths(NamedTuple):
    """How wide a circuit's bonds are, at most or really; a probe may have come less far than all of it.

    sides: for each meeting those of its swaps, then of the gate: one of a gate on two qubits, two of a gate on three,
    for so often the tensor of all is taken apart, the leftmost first. bonds: at the end, log2 of the Schmidt rank over
    each of the `qubits` - 1 bonds of the line, in the order that the qubits then have.
    """

    sides: tuple[tuple[Sides, ...], ...]
    bonds: tuple[float, ...]


def meetings(skeleton: Skeleton) -> list[Meeting]:
    """All of a circuit, in order: one for each gate on more than one qubit."""
    order = list(range(skeleton.qubits))
    place = list(range(skeleton.qubits))
    found = []
    for gate, wires in enumerate(skeleton.wires):
        if len(wires) < 2:
            continue
        if skeleton.names[gate] == SWAP:
            at, last = sorted((place[wires[0]], place[wires[1]]))
            found.append(Meeting(gate, (*range(at, last), *range(last - 2, at - 1, -1))[:-1], at, wires))
            continue
        swaps, at = _gathering(sorted([place[qubit] for qubit in wires]))
        for left in swaps:
            order[left], order[left + 1] = order[left + 1], order[left]
            place[order[left]], place[order[left + 1]] = left, left + 1
        found.append(Meeting(gate, swaps, at, tuple(order[at : at + len(wires)])))
    return found


def _gathering(places: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """The swaps that bring those at `places`, rising, beside one another, and where the leftmost then is."""
    middle = (len(places) - 1) // 2
    at = places[middle] - middle
    swaps: list[int] = []
    for i in range(middle + 1, len(places)):
        swaps += range(places[i] - 1, at + i - 1, -1)
    for i in reversed(range(middle)):
        swaps += range(places[i], at + i)
    return tuple(swaps), at


def sides_of(bonds: Sequence[float]) -> tuple[Sides, ...]:
    """The sides of taking the tensor of neighbours apart. bonds: log2 of those left of each of them, and of the one
    right of the last; only the first is as before the gate, and the last, which the gate does not change.
    """
    rest = len(bonds) - 3
    return tuple([(bonds[i], bonds[-1] + rest - i) for i in range(rest + 1)])


def bounds(skeleton: Skeleton) -> Widths:
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
        known = skeleton.kinds[meeting.gate].rank_bits
        if len(wires) == 2:
            sides.append((bits[at], bits[at + 2]))
            most = known or ANY_GATE
            done = 0
            pair = (min(wires), max(wires))
            if not meeting.swaps and partner.get(pair[0]) == partner.get(pair[1]) == pair:
                done = together[pair]
            together[pair] = min(ANY_GATE, done + most)
            most = together[pair] - done
            partner[pair[0]] = partner[pair[1]] = pair
            bits[at + 1] = min(bits[at + 1] + most, bits[at] + 1, bits[at + 2] + 1)
        else:
            for qubit in wires:
                partner.pop(qubit, None)
            _widen(bits, at, len(wires), known)
            sides += sides_of(bits[at : at + len(wires) + 1])
        found.append(tuple(sides))
    return Widths(tuple(found), tuple(bits[1 : skeleton.qubits]))


def _widen(bits: list[int], at: int, width: int, known: int) -> None:
    """A gate on `width` neighbours from place `at` on. known: bits that it adds at most, 0 where nobody knows."""
    for i in range(1, width):
        bits[at + i] += known or ANY_GATE * min(i, width - i)
    for bond in range(at + 1, at + width):
        bits[bond] = min(bits[bond], bits[bond - 1] + 1)
    for bond in range(at + width - 1, at, -1):
        bits[bond] = min(bits[bond], bits[bond + 1] + 1)
