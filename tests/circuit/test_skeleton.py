from __future__ import annotations

import numpy as np
import pytest

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.skeleton import program_skeleton, read_skeleton
from pilot_quantum.errors import CircuitError

pytestmark = pytest.mark.requires("qiskit")


def circuit_of(angle=0.1, last=2):
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(4, 1)
    circuit.h(0)
    circuit.rx(angle, 1)
    circuit.cx(0, 1)
    circuit.rzz(angle, 1, last)
    circuit.measure(0, 0)
    return circuit


def test_a_circuit_is_read_as_names_and_wires():
    skeleton = read_skeleton(circuit_of())
    assert skeleton.names == ("h", "rx", "cx", "rzz")
    assert skeleton.wires == ((0,), (1,), (0, 1), (1, 2))
    assert (skeleton.qubits, skeleton.active, skeleton.depth) == (4, (0, 1, 2), 3)
    assert skeleton.arities == {1: 2, 2: 2}


def test_a_program_of_ours_has_the_skeleton_of_its_circuit():
    program = families.efficient_su2(5, 2, seed=1)
    assert program_skeleton(program) == read_skeleton(qiskit_circuit(program))


def test_the_structure_is_equal_for_circuits_that_differ_by_angles_alone():
    one = read_skeleton(circuit_of()).structure
    assert one == read_skeleton(circuit_of(angle=2.0)).structure
    assert one != read_skeleton(circuit_of(last=3)).structure


def test_matrices_and_gates_of_ones_own_tell_structures_apart():
    from qiskit.circuit import QuantumCircuit
    from qiskit.circuit.library import UnitaryGate

    def with_matrix(matrix):
        circuit = QuantumCircuit(1)
        circuit.append(UnitaryGate(matrix), [0])
        return circuit

    def with_gate(angle, name):
        inner = QuantumCircuit(2, name="oracle")
        inner.rx(angle, 0)
        getattr(inner, name)(0, 1)
        circuit = QuantumCircuit(2)
        circuit.append(inner.to_gate(), [0, 1])
        return circuit

    x, z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    assert read_skeleton(with_matrix(x)).structure != read_skeleton(with_matrix(z)).structure
    assert read_skeleton(with_gate(0.1, "cx")).structure == read_skeleton(with_gate(0.2, "cx")).structure
    assert read_skeleton(with_gate(0.1, "cx")).structure != read_skeleton(with_gate(0.1, "cz")).structure


def test_what_leaves_no_state_vector_is_refused():
    from qiskit.circuit import QuantumCircuit

    controlled = QuantumCircuit(2, 1)
    controlled.measure(0, 0)
    with controlled.if_test((controlled.clbits[0], 1)):
        controlled.x(1)
    with pytest.raises(CircuitError, match="classical control flow"):
        read_skeleton(controlled)
    again = QuantumCircuit(2, 1)
    again.measure(0, 0)
    again.h(0)
    with pytest.raises(CircuitError, match="after a measurement"):
        read_skeleton(again)
    reset = QuantumCircuit(1)
    reset.h(0)
    reset.reset(0)
    with pytest.raises(CircuitError, match="resets qubit 0"):
        read_skeleton(reset)


def test_a_gate_with_a_known_name_and_another_meaning_is_opaque():
    from qiskit.circuit import Gate, QuantumCircuit

    circuit = QuantumCircuit(1)
    circuit.append(Gate("h", 1, []), [0])
    (kind,) = read_skeleton(circuit).kinds
    assert not kind.clifford
