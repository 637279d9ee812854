"""Wires: the slot graph, stretches of time, and the local search over both."""

from __future__ import annotations

import math
from itertools import pairwise, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.finding.candidate import Candidate
from pilot_quantum.circuit.finding.limits import Limits
from pilot_quantum.circuit.finding.pareto import front
from pilot_quantum.circuit.finding.slices import MOST_GATES, sliced
from pilot_quantum.circuit.finding.slots import WIRE_WEIGHT, SlotGraph
from pilot_quantum.circuit.finding.wires import WireSearch


@st.composite
def graphs(draw) -> SlotGraph:
    size = draw(st.integers(2, 7))
    pairs = st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
    ends = [(qubit, qubit + 1) for qubit in range(size - 1)]  # so that every qubit has a gate
    ends += [tuple(pair) for pair in draw(st.lists(pairs, max_size=14))]
    draw(st.randoms(use_true_random=False)).shuffle(ends)
    weights = draw(st.lists(st.sampled_from([2.2, 3.9, 0.4]), min_size=len(ends), max_size=len(ends)))
    return SlotGraph.of(size, ends, weights)


def part_widths(graph: SlotGraph, labels, parts: int) -> list[int]:
    return [sum(runs.count(part) for runs in graph.runs(labels)) for part in range(parts)]


@given(graph=graphs(), width=st.integers(2, 7), seed=st.integers(0, 9))
def test_the_search_never_gets_worse_nor_overfills_a_part(graph: SlotGraph, width: int, seed: int):
    labels = graph.spread([qubit // width for qubit in range(graph.qubits)])
    parts = max(labels) + 2
    search = WireSearch(graph, labels, [width] * parts)
    costs = [search.cost]
    for stage in (search.descend, search.shake, lambda: search.wander(5, Random(seed))):
        stage()
        costs.append(search.cost)
        assert search.cost == pytest.approx(graph.cost(search.labels), abs=1e-6)
        widths = part_widths(graph, search.labels, parts)
        assert max(widths) <= width
        assert search.room == [width - each for each in widths]
    assert all(after <= before + 1e-9 for before, after in pairwise(costs))  # sums of changes: rounding apart


@given(graph=graphs(), seed=st.integers(0, 9))
def test_a_step_leaves_a_qubit_no_better_labels_of_two_parts(graph: SlotGraph, seed: int):
    draw = Random(seed)
    search = WireSearch(graph, [draw.randrange(2) for _ in range(2 * len(graph.ends))], [99, 99])
    search.descend()
    for wire in graph.wires:
        for path in product((0, 1), repeat=len(wire)):
            labels = search.labels.copy()
            for slot, part in zip(wire, path, strict=True):
                labels[slot] = part
            assert graph.cost(labels) >= search.cost - 1e-6


@given(graph=graphs(), width=st.integers(2, 7))
def test_stretches_of_time_cut_no_gate_and_fit(graph: SlotGraph, width: int):
    labels = sliced(graph, width)
    assert labels is not None
    assert labels[::2] == labels[1::2]
    assert max(part_widths(graph, labels, max(labels) + 1)) <= width
    wires = sum(map(len, graph.runs(labels))) - graph.qubits
    assert graph.cost(labels) == pytest.approx(WIRE_WEIGHT * wires)


def test_stretches_cut_the_fewest_wires():
    # First all among 0, 1, 2, then all among 2, 3, 4: one wire, that of 2, is enough.
    ends = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4)]
    labels = sliced(SlotGraph.of(5, ends, [2.2] * 6), 3)
    assert labels is not None
    assert [labels[2 * gate] for gate in range(6)] in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])


def test_very_many_gates_are_not_divided_by_time():
    ends = [(0, 1)] * (MOST_GATES + 1)
    assert sliced(SlotGraph.of(2, ends, [1.0] * len(ends)), 2) is None


def test_a_step_takes_part_of_a_wire_over_where_whole_qubits_cost_more():
    ends = [(0, 1), (0, 1), (2, 3), (2, 3), (1, 2), (1, 2)]
    graph = SlotGraph.of(4, ends, [math.log(9)] * 6)
    search = WireSearch(graph, graph.spread([0, 0, 1, 1]), [3, 3])
    assert search.cost == pytest.approx(2 * math.log(9))
    search.descend()
    assert search.cost == pytest.approx(math.log(16))


def test_limits_keep_only_the_workers_that_matter():
    assert Limits.of(5) == Limits((5,), 5)
    assert Limits.of([3, 5]) == Limits((3, 5), 5)
    assert Limits.of({7: 1, 9: 2, 5: None, 3: 4}) == Limits((3, 5, 7, 9), 5, (9, 9, 7))
    assert Limits.of({7: 1}).widest == 7
    assert Limits.of([3, 5]).place(4) == 5


def test_the_front_drops_what_another_beats_and_keeps_the_first_of_equals():
    def each(overhead: float, amplitudes: float, fragments: int) -> Candidate:
        return Candidate(Cuts(), overhead, (1,) * fragments, (1,) * fragments, amplitudes)

    least, smaller, beaten = each(9, 100, 2), each(81, 10, 3), each(81, 200, 2)
    assert front([beaten, smaller, least, each(9, 100, 2)]) == (least, smaller)
    assert front([each(9, 100, 2), each(9, 100, 2)])[0] == least
