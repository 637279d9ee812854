"""Schmidt ranks followed through a circuit, against those of the exact state."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import Pauli, Statevector, random_unitary
from qiskit_aer import AerSimulator

from pilot_quantum.circuit import families, schmidt_ranks
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.meetings import Sides, bounds, meetings
from pilot_quantum.circuit.schmidt_ranks import EACH, MOST_WIRES, Patience, follow
from pilot_quantum.circuit.skeleton import read_skeleton


def exact_sides(circuit: QuantumCircuit, order: list[int], at: int) -> Sides:
    """log2 of the Schmidt ranks of the state over the bonds around places `at` and the next, qubits in this order."""
    return exact_bonds(circuit, order, (at, at + 2))


def exact_bonds(circuit: QuantumCircuit, order: list[int], bonds: Sequence[int]) -> tuple[float, ...]:
    """log2 of the Schmidt ranks over these bonds, each counted by the places on its left."""
    qubits = circuit.num_qubits
    state = Statevector(circuit).data.reshape([2] * qubits).transpose([qubits - 1 - qubit for qubit in order])
    found = []
    for bond in bonds:
        values = np.linalg.svd(state.reshape(2**bond, -1), compute_uv=False)
        found.append(np.log2(np.count_nonzero(values > 1e-8)))
    return tuple(found)


@pytest.mark.parametrize("pivoted", [1, schmidt_ranks.PIVOTED])
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_ranks_are_those_of_the_state(pivoted, data):
    qubits = data.draw(st.integers(2, 7))
    circuit = QuantumCircuit(qubits)
    for _ in range(data.draw(st.integers(1, 12))):
        a, b = data.draw(st.permutations(range(qubits)))[:2]
        circuit.ry(data.draw(st.sampled_from([0.0, 0.3, 1.1, np.pi / 2])), a)
        match data.draw(st.sampled_from(["cx", "swap", "rzz", "matrix", "ccx"])):
            case "rzz":
                circuit.rzz(data.draw(st.sampled_from([0.4, 2.0])), a, b)
            case "ccx" if qubits > 2:
                circuit.ccx(*data.draw(st.permutations(range(qubits)))[:3])
            case "ccx":
                circuit.h(a)
            case "matrix":
                circuit.append(UnitaryGate(random_unitary(4, seed=data.draw(st.integers(0, 99)))), [a, b])
            case name:
                getattr(circuit, name)(a, b)
    order = list(range(qubits))
    expected = []
    for meeting in meetings(read_skeleton(circuit)):
        before, after = circuit.copy_empty_like(), circuit.copy_empty_like()
        before.data, after.data = circuit.data[: meeting.gate], circuit.data[: meeting.gate + 1]
        moving = list(order)
        for at in meeting.swaps:
            expected.append(exact_sides(before, moving, at))
            moving[at], moving[at + 1] = moving[at + 1], moving[at]
        if len(meeting.qubits) == 2:
            expected.append(exact_sides(before, moving, meeting.at))
        else:
            left, middle, _, right = exact_bonds(after, moving, range(meeting.at, meeting.at + 4))
            expected += [(left, right + 1), (middle, right)]
        if circuit.data[meeting.gate].name != "swap":
            order = moving

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schmidt_ranks, "PIVOTED", pivoted)
        found = follow(circuit, Patience(60.0))

    assert [sides for each in found.sides for sides in each] == [pytest.approx(sides) for sides in expected]
    assert np.allclose(found.bonds, exact_bonds(circuit, order, range(1, qubits)))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_qubits_meet_and_bonds_grow_as_in_aer(data):
    qubits = data.draw(st.integers(3, 7))
    circuit = QuantumCircuit(qubits)
    for qubit in range(qubits):
        circuit.u(0.3 + qubit, 0.2, 0.1, qubit)
    for _ in range(data.draw(st.integers(1, 10))):
        name, width = data.draw(st.sampled_from([("cx", 2), ("cz", 2), ("swap", 2), ("ccx", 3), ("cswap", 3)]))
        getattr(circuit, name)(*data.draw(st.permutations(range(qubits)))[:width])
    meant = meetings(read_skeleton(circuit))
    swaps = sum(len(one.swaps) for one in meant if circuit.data[one.gate].name != "swap")
    found = follow(circuit, Patience())

    circuit.save_expectation_value(Pauli("Z" * qubits), range(qubits))
    simulator = AerSimulator(method="matrix_product_state", mps_lapack=True, mps_log_data=True)
    logs = [simulator.run(circuit, shots=1).result().results[0].metadata["MPS_log_data"] for _ in range(2)]

    *_, last = re.findall(r"BD=\[([\d ]*)\]", logs[1])
    assert (
        logs[1].count("internal_swap") - logs[0].count("internal_swap") == swaps
    )  # a log goes on where the last ended
    assert [int(bond) for bond in last.split()] == [round(2**bits) for bits in found.bonds]


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
        if qubits > 3 and data.draw(st.booleans()):
            name, width = data.draw(st.sampled_from([("ccx", 3), ("cswap", 3), ("rcccx", 4)]))
            getattr(circuit, name)(*data.draw(st.permutations(range(qubits)))[:width])

    most, real = bounds(read_skeleton(circuit)), follow(circuit, Patience(60.0))

    for found, bound in zip(real.sides, most.sides, strict=True):
        assert len(found) == len(bound)
        assert np.all(np.array(found) <= np.array(bound) + 1e-9)
    assert np.all(np.array(real.bonds) <= np.array(most.bonds) + 1e-9)


def test_it_ends_at_the_width_that_is_too_much():
    circuit = qiskit_circuit(families.brickwork(12, 12, seed=1))

    found = follow(circuit, Patience(60.0, bits=2)).sides

    assert 0 < len(found) < len(follow(circuit, Patience(60.0, bits=6)).sides)
    assert max(bits for sides in found for pair in sides for bits in pair) <= 2


def test_without_time_it_says_nothing():
    assert follow(qiskit_circuit(families.brickwork(6, 6, seed=1)), Patience(0.0)).sides == ()


def test_it_ends_before_a_gate_on_too_many_qubits():
    circuit = QuantumCircuit(MOST_WIRES + 1)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.append(UnitaryGate(random_unitary(2 ** (MOST_WIRES + 1), seed=1)), circuit.qubits)
    circuit.cx(1, 2)

    assert follow(circuit, Patience(60.0)).sides == (((0.0, 0.0),),)


def test_it_ends_when_it_is_foreseen_that_all_will_cost_too_much():
    circuit = qiskit_circuit(families.brickwork(14, 14, seed=1))
    everything = follow(circuit, Patience()).sides

    some = follow(circuit, Patience(foresee=len, most=50)).sides

    assert some == everything[: len(some)]
    assert 50 < len(some) <= 50 + EACH
    assert follow(circuit, Patience(foresee=len, most=len(everything))).sides == everything


def test_what_entangles_nothing_is_followed_to_its_end():
    circuit = qiskit_circuit(families.qft(9, 5))

    found = follow(circuit, Patience())

    assert {each for sides in found.sides for each in sides} == {(0.0, 0.0)}
    assert set(found.bonds) == {0.0}
