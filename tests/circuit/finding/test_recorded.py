"""Instances that were recorded with find_cuts of qiskit-addon-cutting: ours is never above, and often below."""

from __future__ import annotations

import pytest
from benchmarks.cut_circuits import clustered, instances

from pilot_quantum.circuit.finding import find_cuts

pytestmark = pytest.mark.requires("qiskit")

# Where wires have to be cut, where a bisection is hard to find, where find_cuts did not finish, and chains.
PICKED = {
    ("clus3", 16, 9): 144.0,
    ("qft", 8, 6): 704.647,
    ("qaoa", 24, 12): 752.158,
    ("qaoa", 24, 13): 752.158,
    ("qaoa", 20, 11): 20628.3,
    ("esu2", 40, 11): 531441.0,
    ("tfim", 26, 7): 31801.6,
    ("ghz", 16, 8): 9.0,
}


@pytest.mark.parametrize("case", PICKED, ids=lambda case: "-".join(map(str, case)))
def test_a_recorded_instance_is_cut_as_well_as_we_know_how(case: tuple[str, int, int]):
    instance = next(each for each in instances() if (each.family, each.qubits, each.width) == case)
    found = find_cuts(instance.circuit(), instance.width).best
    assert found.overhead <= PICKED[case] * (1 + 1e-4)
    assert found.overhead <= instance.overhead * (1 + 1e-4)
    assert max(found.widths) <= instance.width


def test_gate_cuts_of_twenty_qubits_are_proved_optimal():
    instance = next(each for each in instances() if (each.family, each.qubits, each.width) == ("qaoa", 20, 7))
    found = find_cuts(instance.circuit(), 7, prove_seconds=60).gate_cut
    assert found.proved
    assert found.overhead == pytest.approx(2.96276e6, rel=1e-4)


def test_clusters_of_forty_qubits_are_cut_between_the_clusters():
    found = find_cuts(clustered(40, 2, 10, 3), 20).best
    assert found.widths == (20, 20)
    assert found.overhead == pytest.approx(729)
