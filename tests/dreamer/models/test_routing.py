"""Swaps on small processors, counted by hand."""

from __future__ import annotations

import pytest
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.models.routing import Routing, weights_of
from pilot_quantum.errors import CircuitError


def chain(qubits):
    return Routing(qubits, [(qubit, qubit + 1) for qubit in range(qubits - 1)])


def gates(qubits, *pairs):
    circuit = QuantumCircuit(qubits)
    for pair in pairs:
        circuit.cz(*pair)
    return read_skeleton(circuit)


def test_a_chain_runs_on_a_chain_as_it_is():
    assert chain(6).swaps(gates(6, *((qubit, qubit + 1) for qubit in range(5)))) == 0


def test_qubits_are_placed_beside_those_they_interact_with():
    assert chain(4).swaps(gates(4, (0, 3))) == 0
    assert chain(6).swaps(gates(6, (0, 5), (5, 2), (2, 4))) == 0
    assert chain(7).swaps(gates(7, *((3 * step % 7, 3 * (step + 1) % 7) for step in range(6)))) == 0


def test_a_triangle_takes_a_swap_on_a_chain():
    assert chain(3).swaps(gates(3, (0, 1), (1, 2), (0, 2))) == 1
    assert Routing(3, [(0, 1), (1, 2), (2, 0)]).swaps(gates(3, (0, 1), (1, 2), (0, 2))) == 0


def test_a_star_takes_a_swap_on_a_chain_of_four_for_its_last_leaf():
    assert chain(4).swaps(gates(4, (0, 1), (0, 2), (0, 3))) == 1
    assert Routing(4, [(1, 0), (1, 2), (1, 3)]).swaps(gates(4, (0, 1), (0, 2), (0, 3))) == 0


def test_all_pairs_of_four_on_a_chain_are_two_at_distance_two_and_one_at_three():
    pairs = [(one, other) for other in range(4) for one in range(other)]
    assert chain(4).swaps(gates(4, *pairs)) == 2 * 1 + 1 * 2
    assert chain(4).swaps(gates(4, *pairs, *pairs)) == 8


def test_a_gate_on_three_qubits_counts_as_six_on_its_three_pairs():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    assert weights_of(read_skeleton(circuit)) == {(0, 1): 2, (0, 2): 2, (1, 2): 2}
    assert chain(3).swaps(read_skeleton(circuit)) == 2


def test_groups_go_into_parts_that_have_room_for_them():
    apart = Routing(5, [(0, 1), (2, 3), (3, 4)])
    assert apart.widest == 3
    assert apart.swaps(gates(5, (0, 1), (1, 2), (3, 4))) == 0
    assert apart.swaps(gates(2, (0, 1))) == 0


def test_qubits_without_a_path_between_them_are_refused_with_both_figures():
    with pytest.raises(
        CircuitError, match=r"4 of the circuit hang together by gates, and its couplings join at most 3"
    ):
        Routing(5, [(0, 1), (2, 3), (3, 4)]).swaps(gates(5, (0, 1), (1, 2), (2, 3)))
    with pytest.raises(CircuitError, match=r"2 of the circuit hang together .* at most 1 of its 3 qubits"):
        Routing(3, []).swaps(gates(2, (0, 1)))


def test_a_circuit_without_gates_on_two_qubits_takes_no_coupling():
    assert Routing(3, []).swaps(gates(3)) == 0


def test_a_grid_is_left_in_its_order_where_that_is_better():
    edges = [(3 * row + column, 3 * row + column + 1) for row in range(3) for column in range(2)]
    edges += [(3 * row + column, 3 * row + 3 + column) for row in range(2) for column in range(3)]
    assert Routing(9, edges).swaps(gates(9, *edges)) == 0
