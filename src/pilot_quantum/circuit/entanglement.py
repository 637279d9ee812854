"""How entangled a circuit can make its qubits: bounds from its structure alone.

The qubits stand in a line. Across the bond between two neighbours the Schmidt rank of the state grows with a gate by no
more than the gate's own operator-Schmidt rank (Vidal 2003), and neighbouring bonds differ by no more than a qubit.
"""

from __future__ import annotations

from itertools import pairwise

from pilot_quantum.circuit.skeleton import Skeleton

ANY_GATE = 2
"""Bits that a gate adds for each of its qubits on the smaller side, when nothing else is known of it."""


def bond_bits(skeleton: Skeleton) -> tuple[int, ...]:
    """log2 of the Schmidt rank of the final state over each bond, at most: one a bond, of `qubits` - 1."""
    qubits = skeleton.qubits
    bits = [0] * (qubits + 1)  # bits[k]: over the bond to the left of qubit k; the ends are none
    open_pair: list[tuple[int, int] | None] = [None] * qubits  # of each qubit: its last partner, bits of their block
    for wires, kind in zip(skeleton.wires, skeleton.kinds, strict=True):
        if len(wires) == 1:
            continue
        first, last = min(wires), max(wires)
        if len(wires) == 2:
            most = kind.rank_bits or ANY_GATE
            before = open_pair[first]
            done = (
                before[1] if before is not None and before[0] == last and open_pair[last] == (first, before[1]) else 0
            )
            after = min(ANY_GATE, done + most)  # gates on the same two qubits, one after another, are one gate
            open_pair[first], open_pair[last] = (last, after), (first, after)
            for bond in range(first + 1, last + 1):
                bits[bond] += after - done
        else:
            _spread(bits, sorted(wires), kind.rank_bits)
            for q in wires:
                open_pair[q] = None
        _settle(bits, first, last)
    return tuple(bits[1:qubits])


def _spread(bits: list[int], wires: list[int], known: int) -> None:
    """Add a gate on three qubits and more to its bonds."""
    for place, (one, next_one) in enumerate(pairwise(wires), start=1):
        added = known or ANY_GATE * min(place, len(wires) - place)
        for bond in range(one + 1, next_one + 1):
            bits[bond] += added


def _settle(bits: list[int], first: int, last: int) -> None:
    """No bond is more than a qubit above its neighbours: from both ends of what has grown inwards."""
    for bond in range(first + 1, last + 1):
        bits[bond] = min(bits[bond], bits[bond - 1] + 1)
    for bond in range(last, first, -1):
        bits[bond] = min(bits[bond], bits[bond + 1] + 1)
