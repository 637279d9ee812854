"""What is asked, in all the forms in which users ask it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.primitives.containers import ObservablesArray
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp, Statevector

from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.question import question_of
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError

FORMS = {
    "text": "0.5*ZZI + XII",
    "operator": SparsePauliOp(["ZZI", "XII"], [0.5, 1.0]),
    "observable": SparseObservable.from_sparse_list([("ZZ", [1, 2], 0.5), ("X", [2], 1.0)], num_qubits=3),
}


def state():
    circuit = QuantumCircuit(3)
    circuit.ry(0.4, range(3))
    circuit.cx(0, 1)
    circuit.rx(0.3, 2)
    return circuit


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_observable_means_the_same(form):
    question = question_of(state(), FORMS[form])

    assert question.shape == ()
    assert [dict(term) for term in question.terms] == [{1: "Z", 2: "Z"}, {2: "X"}]
    assert question.sums == (((0, 0.5), (1, 1.0)),)


def test_an_observable_of_another_width_is_refused_with_the_circuit_named_once():
    with pytest.raises(CircuitError, match="but circuit 'bell' has 2 qubits"):
        question_of(QuantumCircuit(2, name="bell"), "ZZZ")


def test_nested_lists_keep_their_shape_and_share_terms():
    question = question_of(state(), [["Z0", "Z1 + Z0"], [Pauli("XII"), "Z1"]])

    assert question.shape == (2, 2)
    assert len(question.terms) == 3
    assert len(question.observables) == 4


def test_an_observables_array_keeps_its_shape():
    array = ObservablesArray.coerce([["ZZI", "XII", "IIZ"]])

    assert question_of(state(), array).shape == (1, 3)


@pytest.mark.parametrize("observables", [[], ["Z0", ["Z1"]], "Q0", object()])
def test_what_is_no_observable_is_refused(observables):
    with pytest.raises(CircuitError):
        question_of(state(), observables)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_each_way_runs_has_the_values_of_the_whole(data):
    qubits = data.draw(st.integers(2, 6))
    circuit = QuantumCircuit(qubits)
    for _ in range(data.draw(st.integers(0, 15))):
        a, b = data.draw(st.permutations(range(qubits)))[:2]
        circuit.ry(data.draw(st.floats(-3, 3)), a)
        getattr(circuit, data.draw(st.sampled_from(["cx", "cz", "swap"])))(a, b)
    letters = st.text("IXYZ", min_size=qubits, max_size=qubits)
    labels = data.draw(st.lists(letters, min_size=1, max_size=4, unique=True))
    question = question_of(circuit, [SparsePauliOp(labels)])
    exact = [Statevector(circuit).expectation_value(Pauli(label)).real for label in labels]
    of_term = {tuple(sorted(term.items())): i for i, term in enumerate(question.terms)}

    for pruning in Pruning:
        found = np.full(len(labels), np.nan)
        for piece, terms, local in question.circuits(Candidate("", "", pruning, Prediction(1, 1, 1))):
            for term, on_piece in zip(terms, local, strict=True):
                label = "".join(on_piece.get(q, "I") for q in reversed(range(piece.num_qubits)))
                found[term] = Statevector(piece).expectation_value(Pauli(label)).real if label else 1.0
        for label, value in zip(labels, exact, strict=True):
            key = tuple((q, letter) for q, letter in enumerate(reversed(label)) if letter != "I")
            assert found[of_term[key]] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("state", "value"), [([0.6, 0.8], 0.36 - 0.64), ("1", -1.0), (1, -1.0), ("+", 0.0)])
@pytest.mark.parametrize("inside", [False, True])
def test_an_initialisation_becomes_gates(state, value, inside):
    circuit, one = QuantumCircuit(3), QuantumCircuit(1)
    if inside:
        one.initialize(state, 0)
        circuit.append(one.to_instruction(), [1])
    else:
        circuit.initialize(state, 1)
    circuit.cx(1, 2)

    question = question_of(circuit, "Z2")

    assert all(isinstance(step.operation, Gate) for step in question.circuit.data)
    assert Statevector(question.circuit).expectation_value(Pauli("ZII")).real == pytest.approx(value)


def test_an_initialisation_of_a_used_qubit_is_refused():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.initialize([0.6, 0.8], 0)

    with pytest.raises(CircuitError, match="initialises"):
        question_of(circuit, "Z0")


def test_in_a_line_wide_gates_are_opened_but_those_that_the_simulator_takes():
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.ccx(0, 1, 2)
    circuit.cry(0.3, 2, 3)
    assert question_of(circuit, "Z3").line is None

    circuit.rcccx(0, 1, 2, 3)
    line = question_of(circuit, "ZZZZ").line

    assert line is not None
    assert {step.name for step in line.data if len(step.qubits) > 2} == {"ccx"}
    assert "cry" in {step.name for step in line.data}
    assert Statevector(line).equiv(Statevector(circuit))
