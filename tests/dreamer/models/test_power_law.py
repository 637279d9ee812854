from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.dreamer.models.power_law import CutRun, PowerLaw, fit_power_law, rounds_of


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


def test_one_number_of_rounds_says_nothing_of_a_power():
    with pytest.raises(ValueError, match="two different numbers of rounds"):
        fit_power_law([CutRun(20, 10, 8, 8, 3.0), CutRun(22, 10, 7, 8, 3.0)])
    with pytest.raises(ValueError, match="at least one of each"):
        rounds_of(0, 1)
