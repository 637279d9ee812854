"""Orders, blocks, refinement and the tables of subsets: what each promises to the next."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.circuit.finding.blocks import best_blocks, block_weights, distinct, even_blocks
from pilot_quantum.circuit.finding.exact import MOST_QUBITS, prove
from pilot_quantum.circuit.finding.limits import Limits
from pilot_quantum.circuit.finding.orderings import orderings
from pilot_quantum.circuit.finding.refinement import cut_weights, refined
from pilot_quantum.circuit.finding.subsets import outward, sizes, sums


@st.composite
def weights(draw, least: int = 2, most: int = 8):
    size = draw(st.integers(least, most))
    bonds = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 0.7]), min_size=size**2, max_size=size**2)))
    matrix = np.triu(bonds.reshape(size, size), 1)
    return matrix + matrix.T


def chain(order) -> np.ndarray:
    matrix = np.zeros((len(order), len(order)))
    for one, other in itertools.pairwise(order):
        matrix[one, other] = matrix[other, one] = 1.0
    return matrix


@given(rows=st.lists(st.tuples(*[st.integers(0, 300)] * 2), min_size=1, max_size=20))
def test_distinct_rows_are_those_that_numpy_finds_in_its_order(rows):
    _, first = np.unique(np.array(rows), axis=0, return_index=True)
    assert distinct(np.array(rows)).tolist() == first.tolist()


@given(matrix=weights(), start=st.integers(0, 1))
def test_every_order_has_every_qubit_once(matrix, start: int):
    for order in orderings(matrix, np.array([start])):
        assert sorted(order) == list(range(len(matrix)))


@pytest.mark.parametrize("start", [0, 7, 13])
def test_a_chain_is_found_in_its_order_from_wherever_the_first_begins(start: int):
    order = np.random.default_rng(1).permutation(20)
    rows = orderings(chain(order), np.array([start])).tolist()
    assert order.tolist() in rows or order[::-1].tolist() in rows


@given(matrix=weights(), width=st.integers(1, 8))
def test_blocks_cut_least_of_all_contiguous_ones(matrix, width: int):
    size = len(matrix)
    order = np.arange(size)[None]
    blocks = best_blocks(block_weights(matrix, order), order, Limits.of(width))
    assert blocks is not None
    least = np.inf
    for ends in itertools.product((0, 1), repeat=size - 1):
        labels = np.concatenate([[0], np.cumsum(ends)])
        if np.bincount(labels).max() <= width:
            least = min(least, cut_weights(matrix, labels[None])[0])
    assert np.bincount(blocks.labels[0]).max() <= width
    assert cut_weights(matrix, blocks.labels)[0] == pytest.approx(least, abs=1e-6)


def test_blocks_use_no_more_wide_workers_than_there_are():
    order = np.arange(9)[None]
    matrix = chain(range(9))
    blocks = best_blocks(block_weights(matrix, order), order, Limits.of({5: 1, 2: None}))
    assert blocks is not None
    assert sorted(np.bincount(blocks.labels[0])) == [2, 2, 5]
    assert best_blocks(block_weights(matrix, order), order, Limits.of({5: 1, 2: 1})) is None


@given(size=st.integers(1, 30), width=st.integers(1, 12))
def test_even_blocks_are_as_few_as_can_be_and_differ_by_one(size: int, width: int):
    counts = np.bincount(even_blocks(np.arange(size)[None], width).labels[0])
    assert counts.max() <= width
    assert counts.max() - counts.min() <= 1
    assert len(counts) == -(-size // width)


@given(matrix=weights(), width=st.integers(1, 8), seed=st.integers(0, 99))
def test_refinement_never_cuts_more_and_keeps_within_the_widths(matrix, width: int, seed: int):
    orders = np.array([np.random.default_rng(seed + row).permutation(len(matrix)) for row in range(3)])
    blocks = even_blocks(orders, width)
    after = refined(matrix, blocks)
    assert (cut_weights(matrix, after) <= cut_weights(matrix, blocks.labels) + 1e-9).all()
    for row in after:
        assert np.bincount(row).max() <= width


@given(matrix=weights(1, 6))
def test_tables_of_subsets_agree_with_their_definition(matrix):
    size = len(matrix)
    outside, members, summed = outward(matrix), sizes(size), sums(matrix[0])
    for subset in range(1 << size):
        inside = [bool(subset >> qubit & 1) for qubit in range(size)]
        others = [not each for each in inside]
        assert members[subset] == sum(inside)
        assert summed[subset] == pytest.approx(matrix[0][inside].sum())
        assert outside[subset] == pytest.approx(matrix[np.ix_(inside, others)].sum(), abs=1e-9)


def divisions(size: int, width: int):
    for labels in itertools.product(range(size), repeat=size):
        fresh = all(label <= max(labels[:place], default=-1) + 1 for place, label in enumerate(labels))
        if fresh and max(map(labels.count, labels)) <= width:
            yield labels


@given(matrix=weights(2, 6), width=st.integers(1, 5))
def test_the_exact_division_is_the_best_of_all(matrix, width: int):
    proof = prove(matrix, tuple(range(len(matrix))), width)
    every = np.array(list(divisions(len(matrix), width)))
    assert proof.proved
    assert proof.cost == pytest.approx(cut_weights(matrix, every).min(), abs=1e-9)
    assert cut_weights(matrix, np.array([proof.parts]))[0] == pytest.approx(proof.cost, abs=1e-9)
    assert max(map(proof.parts.count, proof.parts)) <= width


@given(matrix=weights(3, 7))
def test_without_time_nothing_is_proved_and_the_bound_still_holds(matrix):
    start = tuple(range(len(matrix)))
    stopped, finished = prove(matrix, start, 2, seconds=0.0), prove(matrix, start, 2)
    assert stopped.bound <= finished.cost + 1e-9
    assert finished.cost <= stopped.cost + 1e-9


def test_a_proof_beyond_the_tables_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=f"23 qubits .* up to {MOST_QUBITS}"):
        prove(chain(range(23)), tuple(range(23)), 4)
