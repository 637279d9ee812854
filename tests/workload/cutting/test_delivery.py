"""Outcomes that come late, twice, in any order and after a retry change nothing, not by a bit."""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future

import numpy as np
import pytest
from benchmarks.cut_circuits import clustered, neighbours
from tests.workload.cutting.inline import Inline
from tests.workload.cutting.test_exact import halves


class Twice(Future):
    """A future that reports its end twice."""

    def _invoke_callbacks(self):
        super()._invoke_callbacks()
        super()._invoke_callbacks()


class Unruly(Inline):
    """An engine that runs every task twice, the first time for nothing, and delivers once `release` is called."""

    def __init__(self, order, held=None, options=None):
        super().__init__(options=options)
        self.order = order
        self.held = [] if held is None else held

    def with_options(self, **options):
        return Unruly(self.order, self.held, self.options.changed(**options))

    def submit(self, fn, /, *args):
        super().submit(fn, *args)  # an attempt whose outcome is lost
        future = Twice()
        self.held.append((future, super().submit(fn, *args)))
        return future

    def release(self):
        held, self.held[:] = list(self.held), []
        self.order.shuffle(held)
        for future, outcome in held:
            future.set_result(outcome.result())


def delivered(job, engine):
    """The job's result, with outcomes delivered by another thread until there is one."""
    done = threading.Event()

    def deliver():
        while not done.wait(0.001):
            engine.release()

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        return job.result(timeout=60)
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def task():
    circuit = clustered(9, 3, 4, 3)
    gates = halves(circuit)
    return circuit, gates, [neighbours(9), neighbours(9)[0]]


@pytest.mark.parametrize("seed", range(5))
def test_exact_values_and_probabilities(task, seed):
    circuit, cuts, observables = task
    engine = Unruly(random.Random(seed))
    expected = Inline().runner().expectation(circuit, cuts, observables).result()
    found = delivered(engine.runner().expectation(circuit, cuts, observables), engine)
    assert np.array_equal(found, expected)
    listed = Inline().runner().probabilities(circuit, cuts).result()
    assert np.array_equal(delivered(engine.runner().probabilities(circuit, cuts), engine), listed)


@pytest.mark.parametrize("seed", range(5))
def test_sampled_values_errors_and_shots(task, seed):
    circuit, cuts, observables = task
    engine = Unruly(random.Random(seed))
    expected = Inline().runner().sampled(circuit, cuts, observables, shots=10**6, seed=3).result()
    found = delivered(engine.runner().sampled(circuit, cuts, observables, shots=10**6, seed=3), engine)
    assert np.array_equal(found.values, expected.values)
    assert np.array_equal(found.errors, expected.errors)
    assert (
        (found.shots, found.subexperiments)
        == (expected.shots, expected.subexperiments)
        == (10**6, found.subexperiments)
    )
