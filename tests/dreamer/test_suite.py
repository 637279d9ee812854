from __future__ import annotations

import pytest

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.dreamer.calibration import observed, units_of
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import CUT, OVERLAPS, PREPARE
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.light_cone import PRUNE
from pilot_quantum.dreamer.models.state_vector import LIGHTNING
from pilot_quantum.dreamer.prediction import priced
from pilot_quantum.dreamer.suite import ROUNDS, Benchmark, cut_gates, program, strings, suite
from pilot_quantum.errors import CalibrationError

pytestmark = pytest.mark.requires("qiskit")  # cut circuits are made to be counted


def test_every_model_is_measured():
    assert {benchmark.model for benchmark in suite()} == ASSUMED.keys()
    assert LIGHTNING not in {benchmark.model for benchmark in suite(lightning=False)}


def test_no_benchmark_is_there_twice_and_all_together_take_about_a_minute():
    found = suite()
    assert len(set(found)) == len(found)
    seconds = sum(priced(units_of(benchmark), ASSUMED[benchmark.model]).seconds for benchmark in found)
    assert ROUNDS * seconds < 60


@pytest.mark.parametrize("model", ASSUMED.keys() - {PRUNE})
def test_every_term_of_a_model_is_measured_somewhere(model):
    suited = [benchmark for benchmark in suite(cores=2) if benchmark.model == model]
    measured = {name for benchmark in suited for name in _nonzero(units_of(benchmark))}
    rare = {
        "fused-wide",
        "made",
        "matrix",
    }  # Aer never finds the first cheaper here; our families have none of the others
    assert ASSUMED[model].seconds.keys() - measured <= rare


def _nonzero(units):
    return {name for name, amount in units.items() if amount}


def test_benchmarks_ask_for_every_qubit_so_that_nothing_drops_out():
    benchmark = Benchmark("aer-mps", "ghz", 6, 1)
    assert program(benchmark).qubits == 6
    assert observed(benchmark) == [dict.fromkeys(range(6), "Z")]


def test_benchmarks_may_ask_for_several_strings():
    assert observed(Benchmark("aer-mps", "ghz", 6, 1, terms=3)) == [
        {2: "Z", 3: "Z"},
        {1: "Z", 2: "Z"},
        {3: "Z", 4: "Z"},
    ]


def test_a_model_without_benchmarks_says_so():
    with pytest.raises(CalibrationError, match="'none' has no micro-benchmark"):
        units_of(Benchmark("none", "ghz", 4, 1))


def test_a_benchmark_of_cutting_is_really_cut_in_its_parts_or_they_fall_into_more():
    for benchmark in (one for one in suite() if one.stage == PREPARE):
        cut = cut_circuit(qiskit_circuit(program(benchmark)), Cuts(cut_gates(benchmark)))
        assert len(cut.fragments) >= benchmark.parts
        assert len(strings(benchmark)) == benchmark.terms
        assert cut.links


def test_overlaps_are_counted_by_states_and_strings():
    found = units_of(Benchmark(CUT, "", 3, 4, OVERLAPS, terms=5))
    assert found == {"overlap": 1.0, "open": 32.0, "string": 5.0, "turn": 160.0, "gram": 640.0, "entry": 80.0}


def test_finding_takes_longer_for_more_loops_and_parts():
    few, many = (units_of(Benchmark("find", "qaoa", 16, 1, "", parts)) for parts in (2, 4))
    assert few["loop"] > 0
    assert (few["narrower"], many["narrower"]) == (0, 2 * 16)
    assert units_of(Benchmark("find", "ghz", 16, 1))["loop"] == 0


def test_dispatching_has_no_circuit():
    assert units_of(Benchmark(DISPATCH, "", 20, 100)) == {"latency": 1.0, "few": 8.0, "task": 20.0, "byte": 2000.0}
