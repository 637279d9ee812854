"""The generators: sizes, seeds, and what they refuse."""

from __future__ import annotations

import pytest

from pilot_quantum.circuit import families
from pilot_quantum.circuit.program import Gate, Program


@pytest.mark.parametrize("nodes", [4, 8, 20])
def test_every_node_of_a_3_regular_graph_has_three_neighbours(nodes: int) -> None:
    edges = families.regular_graph(nodes, 3, seed=nodes)
    assert all(sum(node in edge for edge in edges) == 3 for node in range(nodes))
    assert len(set(edges)) == 3 * nodes // 2


def test_a_graph_that_cannot_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no graph of 5 nodes"):
        families.regular_graph(5, 3, seed=0)


def test_a_seed_decides_everything() -> None:
    assert families.brickwork(5, 3, seed=1) == families.brickwork(5, 3, seed=1)
    assert families.brickwork(5, 3, seed=1) != families.brickwork(5, 3, seed=2)
    assert families.clifford(5, 30, seed=1) == families.clifford(5, 30, seed=1)
    assert families.efficient_su2(4, 1, seed=1).gates != families.efficient_su2(4, 1, seed=2).gates


@pytest.mark.parametrize(
    ("name", "qubits", "angles", "says"),
    [
        ("foo", (0,), (), "not one of"),
        ("cx", (0,), (), "takes 2 qubits"),
        ("rx", (0,), (), "1 angles"),
        ("cx", (1, 1), (), "twice"),
    ],
)
def test_a_gate_that_does_not_exist_is_refused(
    name: str, qubits: tuple[int, ...], angles: tuple[float, ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Gate(name, qubits, angles)


def test_a_program_has_room_for_its_gates() -> None:
    with pytest.raises(ValueError, match="uses qubit 3"):
        Program("p", "test", 3, (Gate("h", (3,)),))


def test_clusters_are_joined_by_their_bridges_alone() -> None:
    program = families.clustered((4, 6, 3), depth=6, bridges=5, seed=1)
    group = [0] * 4 + [1] * 6 + [2] * 3
    across = [gate for gate in program.gates if len({group[qubit] for qubit in gate.qubits}) > 1]
    assert program.qubits == 13
    assert [gate.name for gate in across] == ["cx"] * 5
    assert {tuple(group[qubit] for qubit in gate.qubits) for gate in across} == {(0, 1), (1, 2)}
    assert families.clustered((4, 6, 3), 6, 5, seed=1) == program != families.clustered((4, 6, 3), 6, 5, seed=2)


def test_a_single_cluster_has_no_bridges() -> None:
    with pytest.raises(ValueError, match="two groups at least"):
        families.clustered((4,), 3, 1, seed=0)


def test_clifford_t_is_a_clifford_circuit_with_t_gates_between() -> None:
    program = families.clifford_t(5, 20, every=4, seed=3)
    assert [gate.name for gate in program.gates].count("t") == 5
    assert tuple(gate for gate in program.gates if gate.name != "t") == families.clifford(5, 20, seed=3).gates
