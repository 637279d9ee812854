from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.dreamer.models.shots import TooManyShotsError, divided, shots_for, variance_of

positive = st.floats(0.01, 10)


def test_shots_are_overhead_times_variance_over_error_squared():
    assert shots_for(0.1) == 100
    assert shots_for(0.01, overhead=9, variance=0.5) == 45_000


@given(error=st.floats(1e-3, 1), overhead=st.floats(1, 100), variance=st.floats(0, 1))
def test_as_many_shots_reach_the_error_and_one_less_does_not(error, overhead, variance):
    shots = shots_for(error, overhead, variance)
    assert overhead * variance / shots <= error**2 * (1 + 1e-9)
    assert shots == 1 or overhead * variance / (shots - 1) > error**2 * (1 - 1e-9)


def test_an_error_beyond_the_budget_names_both_figures():
    with pytest.raises(TooManyShotsError, match=r"needs 1,000,000 shots, and the budget is 10,000, which gives 0\.01"):
        shots_for(0.001, budget=10_000)


@pytest.mark.parametrize("wrong", [{"error": 0.0}, {"error": 0.1, "overhead": 0.5}, {"error": 0.1, "variance": -1}])
def test_numbers_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        shots_for(**wrong)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=6), st.integers(10, 5000))
def test_shots_are_divided_whole_and_better_than_evenly(pairs, shots):
    coefficients, deviations = zip(*pairs, strict=True)
    parts = divided(shots, coefficients, deviations)
    assert sum(parts) == shots
    assert min(parts) >= 1
    count = len(parts)
    ideal = sum(c * s for c, s in pairs) ** 2 / (shots - count)
    assert variance_of(parts, coefficients, deviations) <= ideal * (1 + 1e-9) if shots > 50 * count else True
    even = np.full(count, shots / count)
    if shots > 1000 * count:
        assert variance_of(parts, coefficients, deviations) <= variance_of(even, coefficients, deviations) * 1.01


def test_fewer_shots_than_estimates_are_refused():
    with pytest.raises(ValueError, match="2 shots cannot be divided among 3"):
        divided(2, [1, 1, 1], [1, 1, 1])
