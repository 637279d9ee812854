from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import CircuitError
from pilot_quantum.workload.cutting.shots import FIRST, check_budget, divided, first_shots, further_shots

WEIGHTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=20).map(np.array)


@given(total=st.integers(0, 10**9), weights=WEIGHTS)
def test_a_total_is_divided_to_the_last_shot(total, weights):
    parts = divided(total, weights)
    assert parts.sum() == total
    if weights.sum() > 0:
        assert np.abs(parts - total * weights / weights.sum()).max() <= 1 + 1e-6 * total


@given(budget=st.integers(10**4, 10**8), bounds=WEIGHTS, spreads=WEIGHTS)
def test_both_draws_together_are_the_budget(budget, bounds, spreads):
    spreads = np.resize(spreads, len(bounds))
    first = first_shots(budget, bounds)
    assert first.min() >= FIRST
    assert first.sum() <= max(budget // 2, budget // 10)
    assert first.sum() + further_shots(budget, first, spreads).sum() == budget


def test_shots_go_where_the_spread_is():
    spent = np.array([100, 100, 100])
    assert (spent + further_shots(6000, spent, np.array([1.0, 2.0, 3.0]))).tolist() == [1000, 2000, 3000]


def test_what_was_spent_in_vain_is_taken_off_the_others_in_proportion():
    spent = np.array([1000, 100, 100])
    assert (spent + further_shots(4000, spent, np.array([0.0, 1.0, 2.0]))).tolist() == [1000, 1000, 2000]


def test_too_small_a_budget_is_refused_with_the_number_that_would_do():
    check_budget(64 * 10, 10)
    with pytest.raises(CircuitError, match="639 shots is too small for 10 distinct subexperiments: give at least 640"):
        check_budget(639, 10)
