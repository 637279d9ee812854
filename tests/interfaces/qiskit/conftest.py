"""Two ways to run the primitives: in this process, for what does not depend on workers, and by a session."""

from __future__ import annotations

import pickle
from concurrent.futures import Future

import pytest

import pilot_quantum as pq
from pilot_quantum.interfaces.qiskit import Estimator, Sampler
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.options import TaskOptions


class Inline:
    """A submitter that runs each task at once, in this process, as far as its arguments can be pickled."""

    def __init__(self, memory=2**34, options=None, seen=None):
        self.options = options or TaskOptions()
        self.memory = memory
        self.seen = [] if seen is None else seen

    def with_options(self, **options):
        return Inline(self.memory, self.options.changed(**options), self.seen)

    def submit(self, fn, /, *args):
        self.seen.append((self.options, fn, args))
        future = Future()
        try:
            future.set_result(fn(*pickle.loads(pickle.dumps(args, protocol=5))))
        except Exception as error:
            future.set_exception(error)
        return future

    def resources(self):
        return (ResourceProfile("local-1", 1, 2, 0, 0, self.memory, frozenset({"simulator"})),)

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
