"""Angles that are no numbers."""

from __future__ import annotations

import pytest
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.finite import require_finite
from pilot_quantum.errors import CircuitError


@pytest.mark.parametrize("angle", [float("nan"), float("inf")])
def test_a_gate_whose_angle_is_not_finite_is_named(angle):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.rzz(angle, 0, 1)

    with pytest.raises(CircuitError, match=f"instruction 1, 'rzz', has the angle {angle}"):
        require_finite(circuit)


def test_bodies_of_control_flow_are_looked_at():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.ry(float("nan"), 0)

    with pytest.raises(CircuitError, match="'ry'"):
        require_finite(circuit)


def test_other_circuits_pass():
    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.initialize([0, 1], 1)

    require_finite(circuit)
