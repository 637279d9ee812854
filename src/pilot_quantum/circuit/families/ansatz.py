"""Parametrised circuits of variational algorithms, with seeded angles."""

from __future__ import annotations

from math import pi
from random import Random

from pilot_quantum.circuit.families.graph import Edge
from pilot_quantum.circuit.program import Gate, Program, gate


def efficient_su2(qubits: int, repetitions: int, seed: int, *, measured: bool = False) -> Program:
    """Layers of RY and RZ with linear CNOT chains between them (Kandala et al. 2017; Qiskit's EfficientSU2).

    Angles are uniform in [0, 2π) from `seed`.
    """
    draw = Random(seed)  # noqa: S311 - reproducible, not secret

    def rotations() -> list[Gate]:
        return [gate(name, qubit, angle=2 * pi * draw.random()) for name in ("ry", "rz") for qubit in range(qubits)]

    gates = rotations()
    for _ in range(repetitions):
        gates += [gate("cx", qubit, qubit + 1) for qubit in range(qubits - 1)] + rotations()
    name = f"efficient-su2-{qubits}"
    return Program(name, "EfficientSU2", qubits, tuple(gates), qubits if measured else 0)


def qaoa(
    qubits: int,
    edges: tuple[Edge, ...],
    gammas: tuple[float, ...],
    betas: tuple[float, ...],
    *,
    measured: bool = False,
) -> Program:
    """Max-cut QAOA: Π_layers exp(-i·beta·ΣX) exp(-i·gamma·ΣZZ/2) on |+…+⟩.

    Farhi, Goldstone and Gutmann 2014, arXiv:1411.4028.
    """
    gates = [gate("h", qubit) for qubit in range(qubits)]
    for gamma, beta in zip(gammas, betas, strict=True):
        gates += [gate("rzz", a, b, angle=gamma) for a, b in edges]
        gates += [gate("rx", qubit, angle=2 * beta) for qubit in range(qubits)]
    return Program(f"qaoa-{qubits}", "QAOA", qubits, tuple(gates), qubits if measured else 0)
