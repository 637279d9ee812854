"""Schmidt ranks followed through a circuit, against those of the exact state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import Statevector, random_unitary

from pilot_quantum.circuit import families
from pilot_quantum.circuit.entanglement import crossings
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.schmidt_ranks import follow
from pilot_quantum.circuit.skeleton import read_skeleton


def exact_bits(circuit: QuantumCircuit, first: int, last: int) -> tuple[float, ...]:
    """log2 of the Schmidt ranks of the final state over the same bonds."""
    state = Statevector(circuit).data
    found = []
    for bond in range(first, last + 2):
        values = np.linalg.svd(state.reshape(-1, 2**bond), compute_uv=False)
        found.append(np.log2(np.count_nonzero(values > 1e-8)))
    return tuple(found)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_ranks_are_those_of_the_state(data):
    qubits = data.draw(st.integers(2, 7))
    circuit = QuantumCircuit(qubits)
    expected = []
    for _ in range(data.draw(st.integers(1, 12))):
        a, b = data.draw(st.permutations(range(qubits)))[:2]
        circuit.ry(data.draw(st.sampled_from([0.0, 0.3, 1.1, np.pi / 2])), a)
        match data.draw(st.sampled_from(["cx", "swap", "rzz", "matrix"])):
            case "rzz":
                circuit.rzz(data.draw(st.sampled_from([0.4, 2.0])), a, b)
            case "matrix":
                circuit.append(UnitaryGate(random_unitary(4, seed=data.draw(st.integers(0, 99)))), [a, b])
            case name:
                getattr(circuit, name)(a, b)
        expected.append(exact_bits(circuit, min(a, b), max(a, b)))

    assert np.allclose(np.concatenate(follow(circuit, 60.0)), np.concatenate(expected))


@settings(max_examples=20, deadline=None)
@given(qubits=st.integers(2, 12), layers=st.integers(1, 4), seed=st.integers(0, 9))
def test_no_rank_exceeds_its_bound(qubits, layers, seed):
    circuit = qiskit_circuit(families.brickwork(qubits, layers, seed=seed))

    bounds = [step.bits for step in crossings(read_skeleton(circuit))]

    for found, most in zip(follow(circuit, 60.0), bounds, strict=True):
        assert all(one <= bound + 1e-9 for one, bound in zip(found, most, strict=True))


def test_it_ends_at_the_width_that_is_too_much():
    circuit = qiskit_circuit(families.brickwork(12, 12, seed=1))

    found = follow(circuit, 60.0, most_bits=2)

    assert len(found) < len(follow(circuit, 60.0, most_bits=6))
    assert max(found[-1]) > 2
    assert all(max(bits) <= 2 for bits in found[:-1])


def test_without_time_it_says_nothing():
    assert follow(qiskit_circuit(families.brickwork(6, 6, seed=1)), 0.0) == []


def test_it_ends_before_a_gate_on_three_qubits():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ccx(0, 1, 2)
    circuit.cx(1, 2)

    assert follow(circuit, 60.0) == [(0.0, 1.0, 0.0)]
