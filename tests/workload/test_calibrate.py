"""Running micro-benchmarks, with a submitter that runs every task where it is submitted."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from pilot_quantum.dreamer.calibration import calibrated
from pilot_quantum.dreamer.suite import Benchmark
from pilot_quantum.errors import CalibrationError
from pilot_quantum.task.options import TaskOptions

pytestmark = pytest.mark.requires("aer")

SMALL = (
    Benchmark("aer-statevector", "tfim", 4, 2),
    Benchmark("aer-mps", "ghz", 4, 1),
    Benchmark("aer-stabilizer", "clifford", 4, 10),
    Benchmark("prune", "tfim", 6, 2),
    Benchmark("transpile", "efficient-su2", 3, 1),
    Benchmark("dispatch", "", 5, 10),
    Benchmark("find", "tfim", 6, 1, parts=2),
    Benchmark("write", "ghz", 4, 1),
    Benchmark("cut", "tfim", 6, 1, "prepare", terms=3),
    Benchmark("cut", "tfim", 6, 1, "finish", terms=3),
    Benchmark("cut", "", 4, 4, "overlaps", terms=3),
    Benchmark("cut", "", 1, 1000, "back"),
)


class Inline:
    """A submitter without processes; it counts, and may be told to be interrupted at a task."""

    def __init__(self, interrupted_at=None):
        self.options = TaskOptions()
        self.calls, self.cancelled = [], []
        self.needs, self.interrupted_at = (), interrupted_at

    def with_options(self, **options):
        self.needs = options.get("needs", self.needs)
        return self

    def submit(self, fn, /, *args):
        future: Future = Future()
        self.calls.append((fn.__name__, args))
        if len(self.calls) == self.interrupted_at:
            future.set_exception(KeyboardInterrupt())
        else:
            future.set_result(fn(*args))
        return future

    def cancel(self, *futures):
        self.cancelled += futures


def test_every_benchmark_runs_in_every_round_and_can_be_fitted():
    from pilot_quantum.resource.site import look_around
    from pilot_quantum.workload.calibrate import run_suite

    submitter, steps = Inline(), []
    found = run_suite(submitter, SMALL, lambda done, total: steps.append((done, total)), rounds=2)
    assert [measurement.benchmark for measurement in found] == list(SMALL)
    assert all(len(measurement.cold) == 2 and min(measurement.cold) > 0 for measurement in found)
    assert [len(measurement.warm) for measurement in found] == [2] + 11 * [0]
    assert steps == [(done, 24) for done in range(25)]
    assert all("simulator" in variant.needs.capabilities for variant in submitter.needs)
    place = look_around()
    calibration = calibrated(found, place.machine, place.versions, "2026-01-01")
    assert {rates.model for rates in calibration.rates} == {benchmark.model for benchmark in SMALL}
    calibration.check(place.machine, place.versions)


def test_what_is_interrupted_is_cancelled():
    from pilot_quantum.workload.calibrate import run_suite

    submitter = Inline(interrupted_at=8)
    with pytest.raises(KeyboardInterrupt):
        run_suite(submitter, SMALL[:1] + SMALL[-1:], cancel=submitter.cancel)
    assert submitter.cancelled


@pytest.mark.requires("lightning")
def test_lightning_is_measured_as_aer_is():
    from pilot_quantum.workload.calibrate import measured

    found = measured(Benchmark("lightning", "qft", 5, 3))
    assert found.warm is not None
    assert 0 < found.warm < found.cold


def test_a_model_without_a_benchmark_says_so():
    from pilot_quantum.workload.calibrate import measured

    with pytest.raises(CalibrationError, match="'find' has no micro-benchmark"):
        measured(Benchmark("find", "ghz", 3, 1))
