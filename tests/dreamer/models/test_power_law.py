from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.dreamer.models.power_law import CutRun, PowerLaw, fit_power_law, rounds_of
from pilot_quantum.errors import InvalidDescriptionError


@given(efficiency=st.floats(1e-5, 1), exponent=st.floats(-0.5, 1.5))
def test_the_two_numbers_are_found_again_from_what_they_say(efficiency, exponent):
    law = PowerLaw(efficiency, exponent)
    runs = [CutRun(n, n // 2, tasks, 2, law.speedup(n, n // 2, tasks, 2)) for n in (20, 30) for tasks in (6, 36, 432)]
    found = fit_power_law(runs)
    assert found.efficiency == pytest.approx(efficiency, rel=1e-6)
    assert found.exponent == pytest.approx(exponent, abs=1e-6)


def test_a_measurement_without_weight_does_not_count():
    law = PowerLaw(0.01, 0.5)
    runs = [CutRun(20, 10, tasks, 1, law.speedup(20, 10, tasks, 1)) for tasks in (1, 10, 100)]
    found = fit_power_law([*runs, CutRun(20, 10, 50, 1, 1e6, weight=0.0)])
    assert (found.efficiency, found.exponent) == pytest.approx((0.01, 0.5))


def test_the_speedup_is_the_ratio_of_the_costs():
    law = PowerLaw()
    assert law.speedup(30, 15, 100, 8) == pytest.approx(2**30 / law.cost(15, 100, 8))
    assert rounds_of(100, 8) == 13


def test_efficiency_falls_with_rounds_of_which_there_is_one_at_least():
    law = PowerLaw(0.01, 0.5)
    assert law.efficiency_of(1) == pytest.approx(0.01)
    assert law.efficiency_of(100) == pytest.approx(0.001)
    with pytest.raises(InvalidDescriptionError, match="0 rounds: there is at least one"):
        law.efficiency_of(0)


def test_one_number_of_rounds_says_nothing_of_a_power():
    with pytest.raises(InvalidDescriptionError, match="two different numbers of rounds"):
        fit_power_law([CutRun(20, 10, 8, 8, 3.0), CutRun(22, 10, 7, 8, 3.0)])
    with pytest.raises(InvalidDescriptionError, match="at least one of each"):
        rounds_of(0, 1)


def test_beyond_what_floats_hold_a_speedup_and_a_cost_are_infinite():
    law = PowerLaw()
    assert law.speedup(3000, 10, 1, 2) == inf
    assert law.cost(3000, 1, 2) == inf
    assert 0 < law.speedup(1030, 10, 1, 2) < inf  # 2^1020 times a part of a thousand
    assert law.speedup(10, 3000, 1, 2) == 0
    assert law.speedup(30, 10, 6**500, 2) == 0
    assert law.cost(10, 6**500, 2) == inf


def test_runs_of_two_thousand_qubits_are_fitted_where_their_efficiency_can_be_told():
    runs = [CutRun(2000, 1990, tasks, 2, 1.0) for tasks in (6, 36)]
    assert fit_power_law(runs).efficiency == pytest.approx(2.0**-10)
    with pytest.raises(InvalidDescriptionError, match=r"an efficiency of 10\^-599, beyond what floats hold"):
        fit_power_law([CutRun(2000, 10, tasks, 2, 1.0) for tasks in (6, 36)])


@pytest.mark.parametrize("wrong", [{"speedup": 0.0}, {"speedup": -1.0}, {"speedup": float("nan")}, {"speedup": inf}])
def test_a_speedup_has_to_be_above_nothing(wrong):
    good = CutRun(20, 10, 6, 2, 1.0)
    with pytest.raises(InvalidDescriptionError, match="a speed-up must be finite and above 0"):
        fit_power_law([good, good._replace(tasks=36, **wrong)])
    with pytest.raises(InvalidDescriptionError, match="a weight finite and 0 or more"):
        fit_power_law([good, good._replace(tasks=36, weight=-1.0)])


@pytest.mark.parametrize("numbers", [(0.0, 0.3), (-1.0, 0.3), (inf, 0.3), (0.1, float("nan"))])
def test_a_law_without_efficiency_is_none(numbers):
    with pytest.raises(InvalidDescriptionError, match="the efficiency must be finite and above 0"):
        PowerLaw(*numbers)
