"""Schmidt ranks followed through a circuit, against those of the exact state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import Statevector, random_unitary

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.meetings import Sides, bounds, meetings
from pilot_quantum.circuit.schmidt_ranks import Patience, follow
from pilot_quantum.circuit.skeleton import read_skeleton


def exact_sides(circuit: QuantumCircuit, order: list[int], at: int) -> Sides:
    """log2 of the Schmidt ranks of the state over the bonds around places `at` and the next, qubits in this order."""
    qubits = circuit.num_qubits
    state = Statevector(circuit).data.reshape([2] * qubits).transpose([qubits - 1 - qubit for qubit in order])
    found = []
    for bond in (at, at + 2):
        values = np.linalg.svd(state.reshape(2**bond, -1), compute_uv=False)
        found.append(np.log2(np.count_nonzero(values > 1e-8)))
    return found[0], found[1]


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_ranks_are_those_of_the_state(data):
    qubits = data.draw(st.integers(2, 7))
    circuit = QuantumCircuit(qubits)
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
    order = list(range(qubits))
    expected = []
    for meeting in meetings(read_skeleton(circuit)):
        before = circuit.copy_empty_like()
        before.data = circuit.data[: meeting.gate]
        for at in meeting.swaps:
            expected.append(exact_sides(before, order, at))
            order[at], order[at + 1] = order[at + 1], order[at]
        expected.append(exact_sides(before, order, meeting.at))

    found = [sides for each in follow(circuit, Patience(60.0)) for sides in each]

    assert np.allclose(found, expected)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_rank_exceeds_its_bound(data):
    qubits = data.draw(st.integers(2, 8))
    circuit = QuantumCircuit(qubits)
    for _ in range(data.draw(st.integers(1, 30))):
        a, b = data.draw(st.permutations(range(qubits)))[:2]
        circuit.ry(0.7, a)
        circuit.rz(0.4, b)
        getattr(circuit, data.draw(st.sampled_from(["cx", "cz", "swap", "iswap"])))(a, b)

    most = bounds(read_skeleton(circuit)).sides

    for found, bound in zip(follow(circuit, Patience(60.0)), most, strict=True):
        assert len(found) == len(bound)
        assert np.all(np.array(found) <= np.array(bound) + 1e-9)


def test_it_ends_at_the_width_that_is_too_much():
    circuit = qiskit_circuit(families.brickwork(12, 12, seed=1))

    found = follow(circuit, Patience(60.0, bits=2))

    assert 0 < len(found) < len(follow(circuit, Patience(60.0, bits=6)))
    assert max(bits for sides in found for pair in sides for bits in pair) <= 2


def test_without_time_it_says_nothing():
    assert follow(qiskit_circuit(families.brickwork(6, 6, seed=1)), Patience(0.0)) == []


def test_it_ends_before_a_gate_on_three_qubits():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ccx(0, 1, 2)
    circuit.cx(1, 2)

    assert follow(circuit, Patience(60.0)) == [((0.0, 0.0),)]


def test_it_ends_when_it_sees_that_all_will_cost_too_much():
    circuit = qiskit_circuit(families.brickwork(14, 14, seed=1))

    def price(left, right):
        return 2.0 ** (left + right)

    everything = follow(circuit, Patience())
    some = follow(circuit, Patience(price=price, most=2000.0))

    total = sum(price(*each) for sides in everything for each in sides)
    assert total > 2000
    assert some == everything[: len(some)]
    assert 0 < len(some) < len(everything) / 2
    assert follow(circuit, Patience(price=price, most=2 * total * len(everything))) == everything
