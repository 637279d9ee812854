"""What cuts leave, counted."""

from __future__ import annotations

from math import inf

from pilot_quantum.circuit.finding.candidate import pieces
from pilot_quantum.circuit.interactions import Interaction, Interactions


def in_turns(gates):
    """Two qubits whose gates run on two workers in turns: both wires are cut between each and the next."""
    each = tuple(Interaction(index, 0, 1, 9.0, 2) for index in range(gates))
    return pieces(Interactions(2, (0, 1), each), [index % 2 for index in range(gates) for _ in range(2)])


def test_each_cut_wire_costs_sixteen_times_the_shots():
    found = in_turns(3)

    assert len(found.cuts.wires) == 4
    assert found.overhead == 16.0**4


def test_hundreds_of_cut_wires_cost_more_than_floats_hold():
    assert in_turns(300).overhead == inf
