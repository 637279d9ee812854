from __future__ import annotations

from concurrent.futures import CancelledError, Future

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BasePrimitiveJob
from qiskit.providers import JobStatus

from pilot_quantum.interfaces.qiskit import Estimator
from pilot_quantum.workload.units import estimate


class Held:
    """A submitter whose tasks wait until the test runs them."""

    def __init__(self, inline):
        self.options, self.resources = inline.options, inline.resources
        self.tasks = []
        self.cancelled = []

    def with_options(self, **options):
        self.options = self.options.changed(**options)
        return self

    def submit(self, fn, /, *args):
        self.tasks.append((Future(), args))
        return self.tasks[-1][0]

    def cancel(self, *futures):
        self.cancelled += futures
        for future in futures:
            if not future.cancel():
                future.set_exception(CancelledError())

    def begin(self, index):
        self.tasks[index][0].set_running_or_notify_cancel()

    def end(self, index):
        future, args = self.tasks[index]
        future.set_result(estimate(*args))

    def run(self, count=2):
        circuit = QuantumCircuit(1)
        return Estimator(self, self.resources, cancel=self.cancel).run([(circuit, "Z")] * count)


@pytest.fixture
def held(inline):
    return Held(inline)


def test_the_job_comes_at_once_and_tells_how_far_it_is(held):
    job = held.run()
    assert isinstance(job, BasePrimitiveJob)
    assert (job.status(), job.running(), job.done(), job.in_final_state()) == (JobStatus.QUEUED, False, False, False)
    held.begin(1)
    assert (job.status(), job.running()) == (JobStatus.RUNNING, True)
    held.end(1)
    assert job.status() is JobStatus.RUNNING
    held.begin(0)
    held.end(0)
    assert (job.status(), job.running(), job.done(), job.in_final_state()) == (JobStatus.DONE, False, True, True)
    assert [float(pub.data.evs) for pub in job.result()] == [1, 1]
    assert job.result() is job.result()


def test_jobs_have_names_of_their_own(held):
    assert held.run().job_id() != held.run().job_id()


def test_waiting_has_an_end(held):
    with pytest.raises(TimeoutError, match="2 of 2 units"):
        held.run().result(timeout=0)


def test_cancel_ends_all_units_those_that_run_too(held):
    job = held.run(3)
    held.begin(0)
    held.end(0)
    held.begin(1)
    assert job.cancel()
    assert len(held.cancelled) == 2
    assert (job.status(), job.cancelled(), job.in_final_state()) == (JobStatus.CANCELLED, True, True)
    with pytest.raises(CancelledError):
        job.result()
    assert not job.cancel()


def test_a_failed_unit_fails_the_job_and_ends_the_others(held):
    job = held.run(3)
    held.begin(1)
    held.tasks[1][0].set_exception(MemoryError("too much"))
    assert job.status() is JobStatus.ERROR
    assert {held.tasks[0][0], held.tasks[2][0]} == set(held.cancelled)
    with pytest.raises(MemoryError, match="too much") as caught:
        job.result()
    assert any("PUB 1" in note for note in caught.value.__notes__)
