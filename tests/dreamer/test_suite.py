from __future__ import annotations

import pytest

from pilot_quantum.dreamer.calibration import observed, units_of
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.light_cone import PRUNE
from pilot_quantum.dreamer.models.state_vector import LIGHTNING
from pilot_quantum.dreamer.prediction import priced
from pilot_quantum.dreamer.suite import ROUNDS, Benchmark, program, suite
from pilot_quantum.errors import CalibrationError


def test_every_model_is_measured_but_cutting_which_is_made_of_others():
    assert {benchmark.model for benchmark in suite()} == ASSUMED.keys() - {CUT}
    assert LIGHTNING not in {benchmark.model for benchmark in suite(lightning=False)}


def test_no_benchmark_is_there_twice_and_all_together_take_about_a_minute():
    found = suite()
    assert len(set(found)) == len(found)
    seconds = sum(priced(units_of(benchmark), ASSUMED[benchmark.model]).seconds for benchmark in found)
    assert ROUNDS * seconds < 60


@pytest.mark.parametrize("model", ASSUMED.keys() - {CUT, PRUNE})
def test_every_term_of_a_model_is_measured_somewhere(model):
    measured = {name for benchmark in suite() if benchmark.model == model for name in _nonzero(units_of(benchmark))}
    assert ASSUMED[model].seconds.keys() - measured <= {"fused-wide"}  # Aer never finds that cheaper here


def _nonzero(units):
    return {name for name, amount in units.items() if amount}


def test_benchmarks_ask_for_every_qubit_so_that_nothing_drops_out():
    benchmark = Benchmark("aer-mps", "ghz", 6, 1)
    assert program(benchmark).qubits == 6
    assert observed(benchmark) == dict.fromkeys(range(6), "Z")


def test_a_model_without_benchmarks_says_so():
    with pytest.raises(CalibrationError, match="'cut' has no micro-benchmark"):
        units_of(Benchmark(CUT, "ghz", 4, 1))


def test_dispatching_has_no_circuit():
    assert units_of(Benchmark(DISPATCH, "", 20, 100)) == {"latency": 1.0, "task": 20.0, "byte": 2000.0}
