"""Composite gates opened."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import QFTGate, UnitaryGate
from qiskit.quantum_info import Operator, random_unitary

from pilot_quantum.circuit.standard import opened


def test_a_circuit_of_standard_gates_stays_the_same_object():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.measure_all()

    assert opened(circuit) is circuit


@pytest.mark.parametrize("widest", [None, 2])
def test_opening_changes_nothing_that_the_circuit_does(widest):
    inner = QuantumCircuit(2, name="inner")
    inner.h(0)
    inner.append(UnitaryGate(random_unitary(4, seed=1)), [0, 1])
    circuit = QuantumCircuit(4)
    circuit.append(inner.to_gate(), [2, 0])
    circuit.append(QFTGate(3), [0, 1, 3])
    circuit.append(inner.to_gate().control(1), [1, 2, 3])
    circuit.ccx(0, 1, 2)
    circuit.append(UnitaryGate(random_unitary(8, seed=2)), [0, 1, 2])

    flat = opened(circuit, widest)

    assert np.allclose(Operator(flat).data, Operator(circuit).data)
    assert all(step.is_standard_gate() or len(step.qubits) <= 2 for step in flat.data)
    if widest is not None:
        assert max(len(step.qubits) for step in flat.data) <= widest


def test_matrices_on_one_or_two_qubits_stay():
    circuit = QuantumCircuit(2)
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [0, 1])

    assert opened(circuit, 2) is circuit


def test_a_gate_of_the_users_own_with_a_standard_name_is_opened():
    mine = QuantumCircuit(1, name="x")
    mine.h(0)
    circuit = QuantumCircuit(1)
    circuit.append(mine.to_gate(), [0])

    assert opened(circuit).data[0].name == "h"


def test_wide_gates_that_are_kept_stay():
    circuit = QuantumCircuit(4)
    circuit.ccx(0, 1, 2)
    circuit.ccz(0, 1, 2)
    circuit.rcccx(0, 1, 2, 3)

    flat = opened(circuit, 2, kept={"ccx"})

    assert flat.data[0].name == "ccx"
    assert {len(step.qubits) for step in flat.data if step.name != "ccx"} <= {1, 2}
    assert np.allclose(Operator(flat).data, Operator(circuit).data)


def test_standard_gates_that_are_not_wanted_are_opened():
    circuit = QuantumCircuit(3)
    circuit.cry(0.3, 0, 1)
    circuit.ccx(0, 1, 2)
    circuit.rzz(0.2, 1, 2)

    flat = opened(circuit, names={"cx", "ry", "h", "t", "tdg", "rzz"})

    assert {step.name for step in flat.data} <= {"cx", "ry", "h", "t", "tdg", "rzz"}
    assert np.allclose(Operator(flat).data, Operator(circuit).data)
