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

    assert faint(circuit) == pytest.approx(abs(angle - round(angle / (np.pi / 2)) * np.pi / 2), rel=1e-3)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2, 100 * np.pi])
def test_other_angles_are_not(angle):
    circuit = QuantumCircuit(2)
    circuit.rxx(angle, 0, 1)
    circuit.cx(0, 1)

    assert faint(circuit) is None


def test_a_matrix_counts_by_its_schmidt_coefficients():
    weak, strong = QuantumCircuit(2), QuantumCircuit(2)
    weak.append(UnitaryGate(RXXGate(1.4e-7).to_matrix()), [0, 1])
    strong.append(UnitaryGate(RXXGate(0.4).to_matrix()), [0, 1])

    assert faint(weak) == pytest.approx(7e-8, rel=1e-3)
    assert faint(strong) is None
