from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.dreamer.models.shots import TooManyShotsError, shots_for
from pilot_quantum.errors import InvalidDescriptionError

NAN, INF = float("nan"), float("inf")


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


@pytest.mark.parametrize(
    "much", [{"error": 1e-200}, {"error": 0.1, "overhead": INF}, {"error": 1e-9, "variance": 1e300}]
)
def test_more_shots_than_can_be_counted_are_an_error(much):
    with pytest.raises(
        TooManyShotsError, match=r"needs more than 1e\+308 shots, and nobody counts more than 9\.2e\+18\. Ask"
    ):
        shots_for(**much)
    assert shots_for(1e-9) == pytest.approx(10**18)


def test_a_value_without_variance_takes_one_shot():
    assert shots_for(1e-200, overhead=INF, variance=0.0) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *({"error": error} for error in (0.0, NAN, INF)),
        *({"error": 0.1, "overhead": overhead} for overhead in (0.5, NAN)),
        *({"error": 0.1, "variance": variance} for variance in (-1, NAN)),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(InvalidDescriptionError, match="must be positive"):
        shots_for(**wrong)
