"""Qubits that meet in a line."""

from __future__ import annotations

from hypothesis import given
from tests.dreamer.circuits import skeletons

from pilot_quantum.circuit import families
from pilot_quantum.circuit.meetings import bounds, meetings
from pilot_quantum.circuit.skeleton import program_skeleton


@given(skeleton=skeletons(least_qubits=2))
def test_who_meets_is_beside_each_other_and_every_gate_is_met(skeleton):
    order = list(range(skeleton.qubits))
    found = meetings(skeleton)
    for meeting in found:
        for at in meeting.swaps:
            order[at], order[at + 1] = order[at + 1], order[at]
        assert order[meeting.at] == meeting.left
        assert {order[meeting.at], order[meeting.at + 1]} <= set(skeleton.wires[meeting.gate])
    assert len(found) == sum(len(wires) - 1 for wires in skeleton.wires if len(wires) > 1)


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
