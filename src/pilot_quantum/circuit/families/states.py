"""Entangled states with a closed form."""

from __future__ import annotations

from math import acos, sqrt

from pilot_quantum.circuit.program import Program, gate


def ghz(qubits: int, *, measured: bool = False) -> Program:
    """(|0…0⟩ + |1…1⟩)/√2 by a chain of CNOTs (Greenberger, Horne and Zeilinger 1989)."""
    gates = [gate("h", 0)] + [gate("cx", qubit, qubit + 1) for qubit in range(qubits - 1)]
    return Program(f"ghz-{qubits}", "GHZ", qubits, tuple(gates), qubits if measured else 0)


def w_state(qubits: int, *, measured: bool = False) -> Program:
    """The equal superposition of all strings with a single 1 (Dür, Vidal and Cirac 2000).

    The excitation starts on qubit 0 and is passed on: with k qubits left, cos²(θ/2) = 1/k of it stays behind
    (Cruz et al. 2019, arXiv:1807.05572, linear-depth form).
    """
    gates = [gate("x", 0)]
    for qubit in range(qubits - 1):
        stays = sqrt(1 / (qubits - qubit))
        gates += [gate("cry", qubit, qubit + 1, angle=2 * acos(stays)), gate("cx", qubit + 1, qubit)]
    return Program(f"w-{qubits}", "W state", qubits, tuple(gates), qubits if measured else 0)
