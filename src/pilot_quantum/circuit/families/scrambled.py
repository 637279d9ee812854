"""Random circuits: brickwork of arbitrary rotations, and Clifford circuits, also with T gates."""

from __future__ import annotations

from math import pi
from random import Random

from pilot_quantum.circuit.program import Gate, Program, gate

_CLIFFORD_SINGLES = ("h", "s", "sdg", "x", "y", "z", "sx")
_CLIFFORD_PAIRS = ("cx", "cz", "swap")


def brickwork(qubits: int, depth: int, seed: int, *, measured: bool = False) -> Program:
    """Layers of random one-qubit rotations (RZ·RY·RZ), each followed by CZ on alternating neighbours.

    The layout of random-circuit sampling on a line (Boixo et al. 2018).
    """
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    gates: list[Gate] = []
    for layer in range(depth):
        for qubit in range(qubits):
            gates += [gate(name, qubit, angle=2 * pi * draw.random()) for name in ("rz", "ry", "rz")]
        gates += [gate("cz", qubit, qubit + 1) for qubit in range(layer % 2, qubits - 1, 2)]
    return Program(f"brickwork-{qubits}", "Brickwork", qubits, tuple(gates), qubits if measured else 0)


def clifford(qubits: int, length: int, seed: int, *, measured: bool = False) -> Program:
    """`length` random Clifford gates, half of them on two qubits.

    Its Pauli expectation values are -1, 0 or 1 (Gottesman 1998, quant-ph/9807006).
    """
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    gates: list[Gate] = []
    for _ in range(length):
        first = int(draw.random() * qubits)
        if draw.random() < 0.5:
            gates.append(gate(_CLIFFORD_SINGLES[int(draw.random() * len(_CLIFFORD_SINGLES))], first))
        else:
            second = (first + 1 + int(draw.random() * (qubits - 1))) % qubits
            gates.append(gate(_CLIFFORD_PAIRS[int(draw.random() * len(_CLIFFORD_PAIRS))], first, second))
    return Program(f"clifford-{qubits}", "Clifford", qubits, tuple(gates), qubits if measured else 0)


def clifford_t(qubits: int, length: int, every: int, seed: int, *, measured: bool = False) -> Program:
    """`clifford` with a T gate on a random qubit after every so many gates: universal, and no longer of stabilisers."""
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    gates: list[Gate] = []
    for place, one in enumerate(clifford(qubits, length, seed).gates, 1):
        gates.append(one)
        if place % every == 0:
            gates.append(gate("t", int(draw.random() * qubits)))
    return Program(f"clifford-t-{qubits}", "Clifford+T", qubits, tuple(gates), qubits if measured else 0)
