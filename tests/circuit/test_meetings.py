"""Qubits that meet in a line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.dreamer.circuits import skeletons

from pilot_quantum.circuit import families
from pilot_quantum.circuit.meetings import bounds, meetings
from pilot_quantum.circuit.program import Program, gate
from pilot_quantum.circuit.skeleton import program_skeleton


@given(skeleton=skeletons(least_qubits=2))
def test_who_meets_is_beside_each_other_and_every_gate_is_met(skeleton):
    order = list(range(skeleton.qubits))
    found = meetings(skeleton)
    for meeting in found:
        if skeleton.names[meeting.gate] == "swap":
            continue
        for at in meeting.swaps:
            order[at], order[at + 1] = order[at + 1], order[at]
        assert tuple(order[meeting.at : meeting.at + len(meeting.qubits)]) == meeting.qubits
        assert sorted(meeting.qubits) == sorted(skeleton.wires[meeting.gate])
    assert [meeting.gate for meeting in found] == [i for i, wires in enumerate(skeleton.wires) if len(wires) > 1]


@given(qubits=st.integers(2, 9), data=st.data())
def test_a_swap_gate_is_made_of_swaps_of_neighbours(qubits, data):
    a, b = data.draw(st.permutations(range(qubits)))[:2]
    (meeting,) = meetings(program_skeleton(Program("swap", "swap", qubits, (gate("swap", a, b),))))

    content = list(range(qubits))
    for at in (*meeting.swaps, meeting.at):
        content[at], content[at + 1] = content[at + 1], content[at]

    expected = list(range(qubits))
    expected[a], expected[b] = b, a
    assert content == expected


def test_three_qubits_meet_where_the_middle_one_is():
    (meeting,) = meetings(program_skeleton(Program("far", "far", 9, (gate("ccx", 8, 0, 3),))))

    assert meeting.at == 2
    assert meeting.qubits == (0, 3, 8)
    assert len(meeting.swaps) == 4 + 2


@given(skeleton=skeletons(least_qubits=2))
def test_no_bond_is_wider_than_the_qubits_on_either_side(skeleton):
    found = bounds(skeleton)
    assert len(found.sides) == len(meetings(skeleton))
    for place, bits in enumerate(found.bonds, start=1):
        assert 0 <= bits <= min(place, skeleton.qubits - place)


def test_neighbours_meet_without_moving():
    assert all(not meeting.swaps for meeting in meetings(program_skeleton(families.brickwork(8, 5, seed=1))))


def test_a_chain_is_bounded_by_one_bit():
    assert bounds(program_skeleton(families.ghz(6))).bonds == (1, 1, 1, 1, 1)
