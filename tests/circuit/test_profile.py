from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.circuit.random_circuits import random_circuits, terms_on

from pilot_quantum.circuit.light_cone import letters_of
from pilot_quantum.circuit.profile import CircuitProfile, InteractionEdge, TermCone, profile_of
from pilot_quantum.circuit.terms import observable_of
from pilot_quantum.errors import CircuitError

pytestmark = pytest.mark.requires("qiskit")


@settings(max_examples=50)
@given(data=st.data())
def test_a_profile_comes_back_from_json_as_it_was(data):
    circuit = data.draw(random_circuits())
    profile = profile_of(circuit, data.draw(st.lists(terms_on(circuit.num_qubits), max_size=4)))
    assert msgspec.json.decode(msgspec.json.encode(profile), type=CircuitProfile) == profile


def test_a_profile_says_what_the_circuit_is_made_of():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(5)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 0)
    circuit.t(1)
    circuit.ccx(0, 1, 2)
    circuit.rzz(0.1, 2, 3)
    profile = profile_of(circuit, letters_of(observable_of("Z0 + 2*Z3")))
    assert (profile.qubits, profile.active, profile.gates, profile.depth) == (5, 4, 6, 6)
    assert profile.arities == ((1, 2), (2, 3), (3, 1))
    assert profile.two_qubit_gates == 3
    assert profile.names == (("cx", 2), ("ccx", 1), ("h", 1), ("rzz", 1), ("t", 1))
    assert not profile.clifford
    assert profile.not_clifford == (("ccx", 1), ("rzz", 1), ("t", 1))
    assert profile.diagonal == 2
    assert profile.interactions == (
        InteractionEdge(0, 1, 3),
        InteractionEdge(0, 2, 1),
        InteractionEdge(1, 2, 1),
        InteractionEdge(2, 3, 1),
    )
    assert profile.cones == (TermCone((0, 1), 3), TermCone((3,), 0))
    assert profile.cone == TermCone((0, 1, 3), 3)


def test_an_observable_is_taken_in_every_form():
    from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp

    wanted = observable_of("2.0*IZX").terms
    for form in (SparsePauliOp("IZX", 2.0), SparseObservable.from_list([("IZX", 2.0)])):
        assert observable_of(form).terms == wanted
    assert observable_of(Pauli("IZX")).terms == observable_of("IZX").terms


def test_what_is_no_hermitian_observable_is_refused():
    from qiskit.quantum_info import SparsePauliOp

    with pytest.raises(CircuitError, match="not Hermitian"):
        observable_of(SparsePauliOp("Z", 1j))
    with pytest.raises(CircuitError, match="no observable"):
        observable_of(3)
