"""Rotations that a matrix-product state would not see."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import RXXGate, UnitaryGate

from pilot_quantum.circuit.faint import faint


@pytest.mark.parametrize("angle", [1.49e-8, np.pi / 2 + 9e-8, -3 * np.pi + 2e-9])
@pytest.mark.parametrize("gate", ["ry", "rxx"])
def test_an_angle_next_to_a_quarter_turn_is_faint(gate, angle):
    circuit = QuantumCircuit(2)
    getattr(circuit, gate)(angle, *range(circuit.num_qubits if gate == "rxx" else 1))

    assert f"{abs(angle - round(angle / (np.pi / 2)) * np.pi / 2):.2g} off" in faint(circuit)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 100 * np.pi])
def test_other_angles_are_not(angle):
    circuit = QuantumCircuit(2)
    circuit.rxx(angle, 0, 1)
    circuit.cx(0, 1)

    assert faint(circuit) == ""


def test_a_matrix_counts_by_its_schmidt_coefficients():
    weak, strong = QuantumCircuit(2), QuantumCircuit(2)
    weak.append(UnitaryGate(RXXGate(1.4e-7).to_matrix()), [0, 1])
    strong.append(UnitaryGate(RXXGate(0.4).to_matrix()), [0, 1])

    assert "7e-08 off" in faint(weak)
    assert faint(strong) == ""


def evolution(qubits: int, steps: int, angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    for _ in range(steps):
        for qubit in range(qubits):
            circuit.rx(angle, qubit)
        for qubit in range(qubits - 1):
            circuit.rzz(angle, qubit, qubit + 1)
    return circuit


def test_what_many_small_steps_lose_adds_up():
    assert "together 2e-05" in faint(evolution(20, 60, 2e-4))
    assert faint(evolution(20, 1, 2e-4)) == ""
    assert faint(evolution(20, 60, 2e-2)) == ""
