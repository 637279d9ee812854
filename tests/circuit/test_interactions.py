from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.circuit.interactions import interaction_cost, read_interactions
from pilot_quantum.errors import CircuitError

pytestmark = pytest.mark.requires("qiskit")
angles = st.floats(-7, 7)


def overhead_of(gate) -> float:
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(2)
    circuit.append(gate, [0, 1])
    return read_interactions(circuit).gates[0].overhead


def reference(gate) -> float:
    from qiskit_addon_cutting import qpd as cutting

    return float(cutting.QPDBasis.from_instruction(gate).overhead)


@pytest.mark.parametrize(
    "name",
    ["CX", "CY", "CZ", "CH", "ECR", "Swap", "iSwap", "DCX", "CS", "CSdg", "CSX"],
)
def test_a_fixed_gate_costs_what_the_reference_says(name: str):
    from qiskit.circuit import library

    gate = getattr(library, f"{name}Gate")()
    assert overhead_of(gate) == pytest.approx(reference(gate), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        *[(name, 1) for name in ("RXX", "RYY", "RZZ", "RZX", "CRX", "CRY", "CRZ", "CPhase", "CU1")],
        *[("XXMinusYY", 2), ("XXPlusYY", 2), ("CU3", 3), ("CU", 4)],
    ],
)
@given(values=st.tuples(angles, angles, angles, angles))
def test_a_rotation_costs_what_the_reference_says_at_any_angle(name: str, parameters: int, values):
    from qiskit.circuit import library

    gate = getattr(library, f"{name}Gate")(*values[:parameters])
    assert overhead_of(gate) == pytest.approx(reference(gate), rel=1e-9)


@given(seed=st.integers(0, 10_000))
def test_any_unitary_costs_what_the_reference_says(seed: int):
    from qiskit.circuit.library import UnitaryGate
    from qiskit.quantum_info import random_unitary

    gate = UnitaryGate(random_unitary(4, seed=seed))
    assert overhead_of(gate) == pytest.approx(reference(gate), rel=1e-9)


def test_a_gate_that_the_reference_refuses_costs_what_its_matrix_says():
    from qiskit.circuit import QuantumCircuit

    inner = QuantumCircuit(2)
    inner.h(0)
    inner.cx(0, 1)
    inner.rz(0.3, 1)
    assert overhead_of(inner.to_gate()) == pytest.approx(9)


@given(a=angles, b=angles)
def test_with_two_interactions_the_cost_is_the_least_possible(a: float, b: float):
    overhead, _ = interaction_cost(a, b, 0.0)
    u = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a) * np.sin(b)])
    assert overhead == pytest.approx((2 * np.abs(u).sum() ** 2 - 1) ** 2, rel=1e-9)


@given(a=angles, b=angles, c=angles)
def test_the_cost_is_never_below_the_least_possible_nor_changes_under_local_gates(a: float, b: float, c: float):
    overhead, terms = interaction_cost(a, b, c)
    shifted, _ = interaction_cost(a + math.pi / 2, b, c)
    swapped, _ = interaction_cost(b, -a, c)
    assert overhead == pytest.approx(shifted, rel=1e-9)
    assert overhead == pytest.approx(swapped, rel=1e-9)
    assert overhead >= 1 - 1e-9
    assert terms in (1, 2, 4) or min(abs(math.sin(2 * angle)) for angle in (a, b, c)) < 1e-6


def test_terms_are_the_schmidt_rank():
    assert interaction_cost(0, 0, 0)[1] == 1
    assert interaction_cost(0.3, 0, 0)[1] == 2
    assert interaction_cost(0.3, 0.2, 0)[1] == 4
    assert interaction_cost(math.pi / 4, math.pi / 4, math.pi / 4) == (pytest.approx(49), 4)


def test_gates_keep_their_order_index_and_qubits_and_idle_qubits_are_not_in_use():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(5)
    circuit.h(0)
    circuit.cx(3, 0)
    circuit.barrier()
    circuit.swap(0, 1)
    found = read_interactions(circuit)
    assert (found.qubits, found.used) == (5, (0, 1, 3))
    assert [(gate.index, gate.first, gate.second, gate.terms) for gate in found.gates] == [(1, 3, 0, 2), (3, 0, 1, 4)]


def refused(build) -> str:
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(3, 1)
    build(circuit)
    with pytest.raises(CircuitError) as error:
        read_interactions(circuit)
    return str(error.value)


def test_control_flow_is_refused():
    def build(circuit):
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(1)

    assert "instruction 1, 'if_else', is classical control flow" in refused(build)


def test_a_gate_on_three_qubits_is_refused():
    assert "instruction 0, 'ccx', acts on 3 qubits" in refused(lambda circuit: circuit.ccx(0, 1, 2))


def test_an_unbound_parameter_of_a_two_qubit_gate_is_refused_by_name():
    from qiskit.circuit import Parameter

    assert "unbound parameters (theta)" in refused(lambda circuit: circuit.rzz(Parameter("theta"), 0, 1))


def test_an_unbound_parameter_of_a_one_qubit_gate_is_no_matter():
    from qiskit.circuit import Parameter, QuantumCircuit

    circuit = QuantumCircuit(2)
    circuit.rx(Parameter("theta"), 0)
    circuit.cx(0, 1)
    assert len(read_interactions(circuit).gates) == 1


def test_a_gate_after_a_measurement_of_its_qubit_is_refused_and_one_on_another_qubit_is_not():
    from qiskit.circuit import QuantumCircuit

    def build(circuit):
        circuit.measure(0, 0)
        circuit.cx(1, 0)

    assert "instruction 1, 'cx', acts on qubit 0, which was measured before it" in refused(build)
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    circuit.cx(1, 2)
    assert len(read_interactions(circuit).gates) == 1


def test_a_two_qubit_instruction_without_a_matrix_is_refused():
    from qiskit.circuit import Instruction

    message = refused(lambda circuit: circuit.append(Instruction("move", 2, 0, []), [0, 1]))
    assert "instruction 0, 'move', acts on two qubits and has no unitary matrix" in message
