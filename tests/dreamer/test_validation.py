"""The figures of a validation, on rows made up so that each is known."""

from __future__ import annotations

import pytest

from pilot_quantum.dreamer.models.power_law import LATER, PowerLaw, fit_power_law
from pilot_quantum.dreamer.validation import (
    Row,
    Timed,
    by_power_law,
    by_rule,
    choices,
    cut_runs,
    figures,
    value_accuracies,
)

METHODS = {"lightning": "lightning", "aer": "aer-statevector", "mps": "aer-mps", "cut": "cut"}


def timed(name: str, *seconds: float, predicted: float | None = None, stopped: bool = False, **fields) -> Timed:
    """A candidate by its name, as the planner names them."""
    prefix, _, rest = name.rpartition("+") if not name.startswith("cut") else ("", "", name)
    predicted = seconds[0] if predicted is None else predicted
    given = {
        "qubits": 10,
        "tasks": 1,
        "by_rates": predicted,
        "low": predicted / 2,
        "high": predicted * 2,
        "memory": 0,
        **fields,
    }
    pruned = {"cone": "whole", "terms": "apart", "": "none"}[prefix]
    return Timed(name, METHODS[rest.split()[0]], pruned, predicted=predicted, seconds=seconds, stopped=stopped, **given)


def row(
    *candidates: Timed,
    chosen: str = "",
    auto: tuple[float, ...] = (),
    fixed: tuple[float, ...] = (),
    setup: str = "one",
    workers: int = 1,
) -> Row:
    return Row(
        setup=setup,
        workers=workers,
        case="case",
        qubits=12,
        chosen=chosen or candidates[0].name,
        candidates=candidates,
        refused={},
        failed={},
        auto=auto,
        fixed=fixed,
        planning=0.001,
        difference=0.0,
    )


def all_figures(*rows: Row):
    return figures(rows, (PowerLaw(), LATER, lambda _: PowerLaw()))


def test_a_choice_within_five_per_cent_of_the_best_is_right():
    good = row(timed("lightning", 1.04, 1.04), timed("aer", 1.0, 1.0))
    bad = row(timed("lightning", 1.2, 1.2), timed("aer", 1.0, 1.0))
    found = all_figures(good, bad)
    assert found.top1 == found.top1_strict == 0.5
    assert found.regret == pytest.approx((1.04 * 1.2) ** 0.5)
    assert found.regret_worst == pytest.approx(1.2)


def test_a_wide_spread_of_repeats_allows_more_but_not_to_the_strict_figure():
    noisy = row(timed("lightning", 0.8, 1.2, 1.6), timed("aer", 1.0, 1.0, 1.0))
    assert noisy.timed("lightning").spread == pytest.approx((1.4 - 1.0) / 1.2)
    found = all_figures(noisy)
    assert (found.top1, found.top1_strict) == (1.0, 0.0)


def test_seconds_are_medians():
    assert timed("aer", 5.0, 1.0, 1.2).measured == 1.2


def test_a_stopped_candidate_says_nothing_of_accuracy_unless_it_was_predicted_to_end_sooner():
    right = timed("mps", 2.0, predicted=100.0, stopped=True)
    wrong = timed("mps", 2.0, predicted=0.5, stopped=True)
    ended = timed("aer", 2.0, predicted=1.0)
    assert list(value_accuracies([right, wrong, ended])) == [0.25, 0.5]


def test_accuracy_without_what_was_learned_is_told_apart():
    found = all_figures(row(timed("aer", 2.0, predicted=2.0, by_rates=1.0)))
    assert (found.value_accuracy, found.value_accuracy_by_rates) == (1.0, 0.5)


def test_the_noise_floor_is_that_of_every_other_round_against_the_rest():
    found = all_figures(row(timed("aer", 1.0, 2.0, 1.0, 2.0)))
    assert found.noise_floor == 0.5


def test_a_case_is_close_where_another_method_takes_at_most_twice_the_best():
    same_method = row(timed("lightning", 1.0), timed("cone+lightning", 1.1), timed("aer", 3.0))
    other_method = row(timed("lightning", 1.0), timed("aer", 1.9))
    assert all_figures(same_method, other_method).close_cases == 1


def test_the_rule_prunes_and_takes_a_state_vector_else_a_matrix_product_state():
    both = row(timed("aer", 3.0), timed("cone+aer", 2.0), timed("cone+lightning", 1.0), timed("cone+mps", 4.0))
    assert by_rule(both) == "cone+aer"
    assert by_rule(both, "lightning") == "cone+lightning"
    assert by_rule(row(timed("aer", 2.0), timed("mps", 1.0))) == "aer"
    assert by_rule(row(timed("cone+aer", 2.0, qubits=27), timed("cone+mps", 1.0))) == "cone+mps"
    assert by_rule(row(timed("terms+lightning", 2.0), timed("cone+mps", 1.0), timed("cut 5+5", 0.5))) == "cone+mps"


def test_the_power_law_weighs_the_best_whole_state_vector_against_the_cuts():
    law = PowerLaw(efficiency=1.0, exponent=0.0)  # 2^m · R
    candidates = (timed("aer", 2.0), timed("lightning", 1.0), timed("cut 6+4", 9.0, qubits=6, tasks=8))
    assert by_power_law(row(*candidates), law) == "cut 6+4"  # 2^6 · 8 < 2^10
    dear = (*candidates[:2], timed("cut 6+4", 9.0, qubits=6, tasks=32))
    assert by_power_law(row(*dear), law) == "lightning"
    assert by_power_law(row(*dear, workers=4), law) == "cut 6+4"  # four at a time


def test_a_power_law_is_fitted_to_each_cut_against_the_best_whole():
    law = PowerLaw(0.01, 0.5)
    rows = [
        row(
            timed("lightning", 1.0, qubits=12),
            timed("cut 6+6", 1 / law.speedup(12, 6, tasks, 1), qubits=6, tasks=tasks),
            timed("terms+lightning", 0.001, qubits=3),
        )
        for tasks in (4, 16, 64)
    ]
    found = fit_power_law(list(cut_runs(rows)))
    assert (found.efficiency, found.exponent) == pytest.approx((0.01, 0.5))


def test_auto_counts_against_the_best_fixed_strategy_ten_milliseconds_left_out_of_the_worst():
    found = all_figures(
        row(timed("aer", 0.3), auto=(0.2, 0.2), fixed=(0.1,)),
        row(timed("aer", 0.3), auto=(0.05, 0.05), fixed=(0.1, 0.1)),
    )
    assert found.auto_geomean == pytest.approx(1.0)
    assert found.auto_worst == pytest.approx(1.9)


def test_where_auto_takes_less_than_what_is_left_out_it_loses_nothing():
    quick = row(timed("aer", 0.3), auto=(0.004,), fixed=(0.002,))
    assert all_figures(quick).auto_worst == 0
    slow = row(timed("aer", 0.3), auto=(0.012,), fixed=(0.02,))
    assert all_figures(quick, slow).auto_worst == pytest.approx(0.1)


def test_ways_to_choose_are_judged_alike():
    rows = [row(timed("lightning", 1.0), timed("aer", 4.0)), row(timed("aer", 1.0), timed("lightning", 1.0))]
    found = choices(rows, lambda one: "aer")
    assert (found.top1, found.regret, found.worst) == (0.5, pytest.approx(2.0), pytest.approx(4.0))
