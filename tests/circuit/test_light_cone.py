from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.circuit.random_circuits import random_circuits, terms_on

from pilot_quantum.circuit.light_cone import letters_of, light_cones, prune
from pilot_quantum.circuit.observable import parse_observable
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.errors import CircuitError

pytestmark = pytest.mark.requires("qiskit")


def value(circuit, letters):
    from qiskit.quantum_info import SparsePauliOp, Statevector

    term = ("".join(letters.values()), list(letters), 1.0)
    operator = SparsePauliOp.from_sparse_list([term], num_qubits=max(1, circuit.num_qubits))
    return Statevector(circuit).expectation_value(operator).real


@settings(max_examples=150)
@given(data=st.data())
def test_a_pruned_circuit_has_the_same_expectation_value(data):
    circuit = data.draw(random_circuits())
    letters = data.draw(terms_on(circuit.num_qubits))
    pruned = prune(circuit, letters)
    here = {pruned.qubits.index(qubit): letter for qubit, letter in letters.items()}
    assert value(pruned.circuit, here) == pytest.approx(value(circuit, letters), abs=1e-9)


@settings(max_examples=60)
@given(data=st.data())
def test_a_circuit_pruned_to_qubits_has_the_same_value_of_any_operator_on_them(data):
    circuit = data.draw(random_circuits())
    letters = data.draw(terms_on(circuit.num_qubits))
    pruned = prune(circuit, letters.keys())
    here = {pruned.qubits.index(qubit): letter for qubit, letter in letters.items()}
    assert value(pruned.circuit, here) == pytest.approx(value(circuit, letters), abs=1e-9)
    assert set(prune(circuit, letters).qubits) <= set(pruned.qubits)


@settings(max_examples=60)
@given(data=st.data())
def test_the_cones_of_many_terms_in_one_pass_are_those_of_each_alone(data):
    circuit = data.draw(random_circuits())
    terms = data.draw(st.lists(terms_on(circuit.num_qubits), min_size=1, max_size=9))
    skeleton = read_skeleton(circuit)
    together = light_cones(skeleton, terms)
    alone = [light_cones(skeleton, [term]).of(0) for term in terms]
    assert [together.of(i) for i in range(len(terms))] == alone
    assert together.sizes() == [(len(cone.qubits), len(cone.gates)) for cone in alone]
    union = together.union()
    assert set(union.gates) == {gate for cone in alone for gate in cone.gates}
    assert set(union.qubits) == {qubit for cone in alone for qubit in cone.qubits}


def test_gates_that_commute_with_the_observable_drop_out():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(4)
    circuit.ry(0.4, 0)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
    circuit.rzz(0.3, 0, 2)
    circuit.rz(0.2, 0)
    pruned = prune(circuit, {0: "Z"})
    assert pruned.qubits == (0,)
    assert pruned.circuit.count_ops() == {"ry": 1}
    assert prune(circuit, {0: "X"}).qubits == (0, 1, 2)


def test_measurements_and_barriers_are_left_out():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(3, 3)
    circuit.h(2)
    circuit.barrier()
    circuit.measure(range(3), range(3))
    pruned = prune(circuit, [2])
    assert (pruned.qubits, dict(pruned.circuit.count_ops()), pruned.circuit.num_clbits) == ((2,), {"h": 1}, 0)


def test_parameters_stay():
    from qiskit.circuit import Parameter, QuantumCircuit

    angle, other = Parameter("angle"), Parameter("other")
    circuit = QuantumCircuit(2)
    circuit.rx(angle, 0)
    circuit.rx(other, 1)
    assert set(prune(circuit, [0]).circuit.parameters) == {angle}


def test_the_letters_of_an_observable_are_those_of_its_terms():
    assert letters_of(parse_observable("Z0 X3 + 0.5*Y1")) == [{0: "Z", 3: "X"}, {1: "Y"}]


def test_a_qubit_that_does_not_exist_is_named():
    from qiskit.circuit import QuantumCircuit

    with pytest.raises(CircuitError, match=r"qubit 7.*0 to 1"):
        prune(QuantumCircuit(2), [7])


def test_a_letter_that_is_no_pauli_is_refused():
    from qiskit.circuit import QuantumCircuit

    with pytest.raises(ValueError, match="'Q' on qubit 0"):
        prune(QuantumCircuit(2), {0: "Q"})
