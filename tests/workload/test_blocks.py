from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.circuit.updates import blocks, evolution_updates
from pilot_quantum.workload.blocks import (
    MOST_BINDINGS,
    MOST_BYTES,
    MOST_SHOTS,
    UnitKey,
    bindings_per_unit,
    least_per_unit,
    seed_of,
    trajectories_per_unit,
)


@given(total=st.integers(0, 5000), most=st.integers(1, 700))
def test_blocks_cover_everything_once_and_evenly(total, most):
    found = list(blocks(total, most))
    assert [i for block in found for i in range(block.start, block.stop)] == list(range(total))
    sizes = [block.stop - block.start for block in found]
    assert all(0 < size <= most for size in sizes)
    assert len(found) == -(-total // most)
    assert not sizes or max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("qubits", [0, 1, 4, 10, 18, 30, 200])
def test_units_hold_at_least_one_binding_or_shot(qubits):
    updates = evolution_updates(100, qubits)
    assert 1 <= bindings_per_unit(updates, shots=10**7) <= MOST_BINDINGS
    assert 1 <= trajectories_per_unit(updates) <= MOST_SHOTS


def test_wide_circuits_have_units_of_their_own_and_narrow_ones_share():
    assert bindings_per_unit(evolution_updates(195, 18)) == 1
    assert bindings_per_unit(evolution_updates(20, 4)) > 100


@given(total=st.integers(0, 10**6), blob=st.integers(1, 10**9))
def test_the_circuit_in_all_units_together_stays_small(total, blob):
    units = sum(1 for _ in blocks(total, max(1, least_per_unit(total, blob))))
    assert (units - 1) * blob <= MOST_BYTES


def test_seeds_differ_between_units_and_repeat_for_one():
    keys = [UnitKey(0, 0, 0), UnitKey(1, 0, 0), UnitKey(0, 1, 0), UnitKey(0, 0, 1)]
    states = [tuple(seed_of(7, key).generate_state(2)) for key in keys]
    assert len(set(states)) == 4
    again = np.random.SeedSequence(7, spawn_key=(0, 1, 0)).generate_state(2)
    assert tuple(again) == states[2]
