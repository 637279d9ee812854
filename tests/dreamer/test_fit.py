from __future__ import annotations

from math import log

import numpy as np
import pytest

from pilot_quantum.dreamer.fit import LEAST_SPREAD, Sample, fit, spread_of
from pilot_quantum.dreamer.prediction import Prediction, priced, together
from pilot_quantum.errors import CalibrationError
from pilot_quantum.resource.profile import Rates

ASSUMED = Rates("model", {"fixed": 1e-3, "gate": 1e-6, "rare": 1e-3}, 3.0, measured=False)
TRUE = {"fixed": 2e-3, "gate": 5e-6, "rare": 2e-3}


def samples(noise=0.0, count=40, rare=True):
    draw = np.random.default_rng(7)
    found = []
    for _ in range(count):
        units = {"fixed": 1.0, "gate": float(10 ** draw.uniform(0, 5)), "rare": float(draw.integers(0, 4)) * rare}
        seconds = sum(amount * TRUE[name] for name, amount in units.items()) * np.exp(draw.normal(0, noise))
        found.append(Sample(units, float(seconds)))
    return found


def test_rates_are_found_again_from_what_they_make():
    found = fit(ASSUMED, samples())
    assert found.seconds == pytest.approx(TRUE, rel=0.02)
    assert (found.measured, found.samples) == (True, 40)
    assert found.spread == pytest.approx(LEAST_SPREAD, abs=0.02)


def test_the_spread_holds_nine_of_ten_further_measurements():
    found = fit(ASSUMED, samples(noise=0.3, count=400))
    assert found.seconds == pytest.approx(TRUE, rel=0.25)
    inside = []
    for sample in samples(noise=0.3, count=400):
        prediction = priced(sample.units, found)
        inside.append(prediction.low <= sample.seconds <= prediction.high)
    assert 0.85 < np.mean(inside) < 0.95


def test_a_term_that_was_never_measured_keeps_its_proportion():
    found = fit(ASSUMED, samples(rare=False))
    assert 1.5e-3 < found.seconds["rare"] < 2e-2


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="none were given"):
        fit(ASSUMED, [])
    with pytest.raises(ValueError, match="no term mystery"):
        fit(ASSUMED, [Sample({"mystery": 1.0}, 1.0)])


def test_a_term_without_a_rate_says_to_calibrate_again():
    with pytest.raises(CalibrationError, match="Calibrate again"):
        priced({"mystery": 1.0}, ASSUMED)


def test_the_spread_of_ratios_is_that_of_their_logarithms():
    draw = np.random.default_rng(1).normal(0, 0.2, 4000)
    assert log(spread_of(draw)) == pytest.approx(1.645 * 0.2, rel=0.05)


def test_predictions_one_after_another_add_up():
    one, two = priced({"fixed": 1.0}, ASSUMED, memory=10), priced({"fixed": 1.0, "gate": 10.0}, ASSUMED, memory=20)
    both = one + two
    assert both == together([one, two])
    assert both.seconds == pytest.approx(one.seconds + two.seconds)
    assert both.memory == 20
    assert both.terms["fixed"] == pytest.approx(2e-3)
    assert both.assumed
    assert one.times(3).seconds == pytest.approx(3e-3)
    assert set(two.named("x.").terms) == {"x.fixed", "x.gate"}


def test_a_prediction_comes_back_from_json_as_it_was():
    import msgspec

    found = priced({"fixed": 1.0, "gate": 10.0}, ASSUMED, memory=10)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Prediction) == found
