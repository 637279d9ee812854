"""The same values from a session's workers as from this process."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.cut_circuits import clustered, neighbours

import pilot_quantum as pq
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.workload.cutting.execute import CutRunner

WAIT = 120  # seconds


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    with pq.Session(tmp_path_factory.mktemp("session")) as session:
        session.add_pilot("local://?cores=2")
        yield CutRunner(session.with_options(name="fragment"), session.resources, cancel=session.cancel)


def test_exact_values_probabilities_and_samples(workers, runner):
    circuit = clustered(10, 2, 5, 2)
    cuts = find_cuts(circuit, 5).best.cuts
    for ask in (
        lambda on: on.expectation(circuit, cuts, neighbours(10)),
        lambda on: on.probabilities(circuit, cuts),
        lambda on: on.samples(circuit, cuts, shots=100, seed=3),
    ):
        assert ask(workers).result(WAIT) == pytest.approx(ask(runner).result(), abs=1e-12)


def test_values_from_shots(workers, runner):
    circuit = clustered(10, 2, 5, 2)
    cuts = find_cuts(circuit, 5).best.cuts
    one, other = (
        on.sampled(circuit, cuts, neighbours(10), shots=10**5, seed=3).result(WAIT) for on in (workers, runner)
    )
    assert np.array_equal(one.values, other.values)
    assert np.array_equal(one.errors, other.errors)
    assert one.shots == other.shots == 10**5
