"""Groups of qubits that hardly touch: what cutting is for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import pi
from random import Random

from pilot_quantum.circuit.program import Gate, Program, gate


def clustered(sizes: Sequence[int], depth: int, bridges: int, seed: int, *, measured: bool = False) -> Program:
    """Groups of `sizes` qubits, random within and joined by `bridges` CNOTs in all.

    Each of `depth` layers has a random RY on every qubit and CZ on random pairs of each group; bridges join random
    qubits of neighbouring groups in turn, spread over the layers before the last. Raises ValueError for bridges
    between fewer than two groups.
    """
    if bridges and len(sizes) < 2:
        raise ValueError(f"{bridges} bridges need two groups at least, not the sizes {tuple(sizes)}")
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    ends = list(accumulate(sizes))
    groups = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    at = [(bridge + 1) * depth // (bridges + 1) for bridge in range(bridges)]
    gates: list[Gate] = []
    bridge = 0
    for layer in range(depth):
        gates += [gate("ry", qubit, angle=2 * pi * draw.random()) for group in groups for qubit in group]
        for group in groups:
            mixed = sorted(group, key=lambda _: draw.random())
            gates += [gate("cz", *sorted(pair)) for pair in zip(mixed[::2], mixed[1::2], strict=False)]
        while bridge < bridges and at[bridge] <= layer:
            first = bridge % (len(groups) - 1)
            gates.append(gate("cx", _one(groups[first], draw), _one(groups[first + 1], draw)))
            bridge += 1
    gates += [gate("ry", qubit, angle=2 * pi * draw.random()) for qubit in range(ends[-1])]
    name = f"clustered-{'+'.join(map(str, sizes))}"
    return Program(name, "Clusters", ends[-1], tuple(gates), ends[-1] if measured else 0)


def _one(group: range, draw: Random) -> int:
    return group[int(draw.random() * len(group))]
