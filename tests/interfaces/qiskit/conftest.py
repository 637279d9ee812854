"""Two ways to run the primitives: in this process, for what does not depend on workers, and by a session."""

from __future__ import annotations

import pytest
from tests.workload import inline as inline_submitter

import pilot_quantum as pq
from pilot_quantum.interfaces.qiskit import Estimator, Sampler


class Inline(inline_submitter.Inline):
    """Runs each task at once, by Aer alone."""

    capabilities = frozenset({"simulator"})

    def estimator(self, **options):
        return Estimator(self, self.resources, **options)

    def sampler(self, **options):
        return Sampler(self, self.resources, **options)


@pytest.fixture
def inline():
    return Inline()


@pytest.fixture
def small():
    """Pilots of 200 MB: enough for 20 qubits, not for 21."""
    return Inline(memory=200 * 10**6)


@pytest.fixture(scope="session")
def session(tmp_path_factory):
    with pq.Session(tmp_path_factory.mktemp("session")) as session:
        session.add_pilot("local://?cores=2")
        yield session
