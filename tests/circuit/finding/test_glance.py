"""The glance at whether cutting may pay."""

from __future__ import annotations

from itertools import combinations
from math import log2

import pytest
from hypothesis import given, settings
from tests.dreamer.circuits import skeletons

from pilot_quantum.circuit.entanglement import ANY_GATE
from pilot_quantum.circuit.finding.glance import glance
from pilot_quantum.circuit.gate_kinds import KINDS
from pilot_quantum.circuit.skeleton import Skeleton


def bits_across(skeleton: Skeleton, side: frozenset[int]) -> int:
    """log2 of the Schmidt terms of all gates between `side` and the rest."""
    found = 0
    for wires, kind in zip(skeleton.wires, skeleton.kinds, strict=True):
        for a, b in combinations(wires, 2):
            found += (kind.rank_bits or ANY_GATE) * ((a in side) != (b in side))
    return found


@settings(max_examples=60, deadline=None)
@given(skeleton=skeletons(least_qubits=2, most_qubits=8))
def test_the_division_exists_and_none_is_better_than_the_best(skeleton):
    found = glance(skeleton)
    active = skeleton.active
    if found is None:
        assert len(active) < 2
        return
    costs = {}
    for size in range(1, len(active)):
        for side in combinations(active, size):
            bits = bits_across(skeleton, frozenset(side))
            costs[max(size, len(active) - size), bits] = log2(2.0 ** (size + bits) + 2.0 ** (len(active) - size + bits))
    assert costs[found.width, found.bits] == pytest.approx(found.amplitude_bits)
    assert found.amplitude_bits >= min(costs.values()) - 1e-9


def test_clusters_that_lie_scattered_are_found():
    even, odd = range(0, 12, 2), range(1, 12, 2)
    wires = [pair for group in (even, odd) for pair in combinations(group, 2)] + [(0, 1)]
    skeleton = Skeleton(12, ("cz",) * len(wires), tuple(wires), (KINDS["cz"],) * len(wires), tuple(range(len(wires))))

    found = glance(skeleton)

    assert found is not None
    assert (found.width, found.bits) == (6, 1)
