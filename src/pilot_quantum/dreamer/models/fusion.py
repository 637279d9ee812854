"""How Aer fuses gates: the passes over the state vector that it makes of a circuit of 14 qubits and more.

Three steps, as Aer 0.13 to 0.18 take them with default options: neighbours that are diagonal become one diagonal of up
to 5 qubits; gates on one qubit, and on the same two, go into the two-qubit gate beside them; what follows one another
is then fused where that is cheaper, by dynamic programming with the cost 1.8^(qubits - 1), 1.8 for a diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.circuit.skeleton import Skeleton

WIDEST = 5
"""Qubits of a fused gate at most."""

LEAST_DIAGONAL = 3
"""Qubits from which a run of diagonal gates is fused by itself."""

_FACTOR = 1.8
_NOT_GATHERED = frozenset(["z", "cz", "ccz"])  # diagonal, but not in the first step's list

Op = tuple[int, bool]  # its qubits as a mask, whether it is diagonal


@dataclass(frozen=True, slots=True)
class Passes:
    """Passes over the state: `diagonal` ones, and of others how many on 1, 2, ... qubits (`dense[k - 1]`)."""

    diagonal: int
    dense: tuple[int, ...]


def passes(skeleton: Skeleton) -> Passes:
    """What Aer makes of the gates, about a microsecond for each."""
    ops = _cheapest(_pairs(_diagonals(skeleton)))
    widest = max((mask.bit_count() for mask, _ in ops), default=0)
    dense = [0] * max(WIDEST, widest)
    diagonal = 0
    for mask, is_diagonal in ops:
        if is_diagonal:
            diagonal += 1
        else:
            dense[mask.bit_count() - 1] += 1
    return Passes(diagonal, tuple(dense))


def _diagonals(skeleton: Skeleton) -> list[Op]:
    """Runs of diagonal gates, each on as many qubits as one fused gate may have."""
    masks = [sum([1 << q for q in wires]) for wires in skeleton.wires]
    gathered = [
        kind.diagonal and name not in _NOT_GATHERED for kind, name in zip(skeleton.kinds, skeleton.names, strict=True)
    ]
    ops: list[Op] = []
    at = 0
    while at < len(masks):
        end, mask = at, 0
        while end < len(masks) and gathered[end] and (mask | masks[end]).bit_count() <= WIDEST:
            mask |= masks[end]
            end += 1
        if end > at + 1 and mask.bit_count() >= LEAST_DIAGONAL:
            ops.append((mask, True))
            at = end
        else:
            ops.append((masks[at], gathered[at]))
            at += 1
    return ops


def _pairs(ops: list[Op]) -> list[Op]:
    """Gates on one qubit inside the gates on two beside them, and gates on the same two qubits inside one another."""
    out: list[Op | None] = []
    last: dict[int, int] = {}  # of each qubit (as a mask): where in `out` the gate is that acted on it last
    for mask, diagonal in ops:
        qubits = mask.bit_count()
        if qubits == 1:
            before = _at(out, last.get(mask))
            if before is not None and before[0].bit_count() <= 2:
                out[last[mask]] = before[0], before[1] and diagonal
                continue
            last[mask] = len(out)
        elif qubits == 2:
            one = mask & -mask
            two = mask ^ one
            places = last.get(one), last.get(two)
            before = _at(out, places[0])
            if before is not None and places[0] == places[1] and before[0] == mask:
                out[last[one]] = mask, before[1] and diagonal
                continue
            for place in places:
                inner = _at(out, place)
                if place is not None and inner is not None and inner[0].bit_count() == 1:
                    diagonal = diagonal and inner[1]
                    out[place] = None
            last[one] = last[two] = len(out)
        else:
            rest = mask
            while rest:
                last[rest & -rest] = len(out)
                rest &= rest - 1
        out.append((mask, diagonal))
    return [op for op in out if op is not None]


def _at(out: list[Op | None], place: int | None) -> Op | None:
    return None if place is None else out[place]


def _cost(mask: int, diagonal: bool) -> float:
    return float(_FACTOR if diagonal else _FACTOR ** max(mask.bit_count() - 1, 1))


def _cheapest(ops: list[Op]) -> list[Op]:
    """`ops` divided into stretches, each of which becomes one gate, at the least cost together."""
    best = [0.0] * (len(ops) + 1)
    begins = [0] * (len(ops) + 1)
    for end in range(1, len(ops) + 1):
        mask, diagonal = ops[end - 1]
        least, begin = best[end - 1] + _cost(mask, diagonal), end - 1
        for start in range(end - 2, -1, -1):
            mask |= ops[start][0]
            if mask.bit_count() > WIDEST:
                break
            diagonal = diagonal and ops[start][1]
            cost = best[start] + _cost(mask, diagonal)
            if cost <= least:
                least, begin = cost, start
        best[end], begins[end] = least, begin
    fused: list[Op] = []
    end = len(ops)
    while end:
        mask, diagonal = 0, True
        for one, is_diagonal in ops[begins[end] : end]:
            mask, diagonal = mask | one, diagonal and is_diagonal
        fused.append((mask, diagonal))
        end = begins[end]
    return fused
