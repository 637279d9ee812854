"""Rates that follow what plans have taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dreamer.circuits import ansatz

from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.learning import MOST, learned
from pilot_quantum.dreamer.models.state_vector import StateVector
from pilot_quantum.dreamer.models.write import Write
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.prediction import together

RATES = tuple(ASSUMED.values())
SKELETON = ansatz(16)


def predicted(rates):
    by = {one.model: one for one in rates}
    writing = Write(by["write"]).predict(len(SKELETON)).named("write.")
    return together([writing, StateVector(by["lightning"]).predict(SKELETON, [{0: "Z"}], warm=True)])


def candidate(rates=RATES):
    return Candidate("lightning", "lightning", Pruning.NONE, predicted(rates))


@given(factor=st.floats(1.05 / MOST, 0.95 * MOST))
def test_many_runs_bring_the_prediction_to_what_they_took(factor):
    took = factor * predicted(RATES).seconds
    rates = RATES
    for _ in range(80):
        rates = learned(rates, candidate(rates), took)

    assert predicted(rates).seconds == pytest.approx(took, rel=0.02)


@given(factor=st.floats(1.05 / MOST, 0.95 * MOST))
def test_one_run_moves_it_a_little_in_the_right_direction(factor):
    before = predicted(RATES).seconds
    after = predicted(learned(RATES, candidate(), factor * before)).seconds

    assert before <= after <= factor * before * (1 + 1e-9) or factor * before * (1 - 1e-9) <= after <= before


@pytest.mark.parametrize("factor", [0.3, 3.1, 100.0])
def test_a_run_that_was_far_off_teaches_nothing(factor):
    assert learned(RATES, candidate(), factor * predicted(RATES).seconds) == RATES


def test_models_that_had_no_part_keep_their_rates():
    moved = learned(RATES, candidate(), 2 * predicted(RATES).seconds)

    for before, after in zip(RATES, moved, strict=True):
        assert (before == after) == (before.model not in ("lightning", "write"))


def test_without_the_rates_of_its_model_there_is_nothing_to_learn():
    rates = tuple(one for one in RATES if one.model != "lightning")

    assert learned(rates, candidate(), 1.5 * predicted(RATES).seconds) == rates
