"""What a real Slurm does to jobs: cancels, ends, requeues, preempts, refuses them, loses their nodes.

Nothing is lost, doubled or hangs; only what ran at that moment may run twice, and nobody pays for it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.clusters.conftest import LIMIT, Platform, until
from tests.clusters.work import begun, step
from tests.services.processes import Process
from tests.services.slurm import RunningSlurm

import pilot_quantum as pq
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.resource.state import PilotState
from pilot_quantum.task.future import TaskFuture

pytestmark = pytest.mark.requires("slurm", "dask")

CLUSTER = "slurm:///normal?cores=2&walltime=10m"
DASK = f"{CLUSTER}&nodes=2&engine=dask"
CORES = 2
NODES = ("h2", "h3", "h4")

Steps = Sequence[TaskFuture[tuple[int, str]]]


def held(log: str, number: int, gate: str) -> tuple[int, str]:
    """A step that ends when the gate is there."""
    result = step(log, number, 0.0)
    while not Path(gate).exists():
        time.sleep(0.05)
    return result


def program(log: str, number: int, seconds: float) -> tuple[int, str]:
    """A step that leaves its work to a program, which the batch system ends when it ends the job."""
    result = step(log, number, 0.0)
    subprocess.run(["sleep", str(seconds)], check=True)
    return result


class Run:
    """Numbered steps in a session, whose beginnings are counted."""

    def __init__(self, platform: Platform, log: Path) -> None:
        self.platform = platform
        self.session = platform.session
        self.log = log
        self.futures: list[TaskFuture[tuple[int, str]]] = []

    def submit(self, count: int, seconds: float, **options: Any) -> Steps:
        """More steps of so many seconds, with task options."""
        return self._submit(count, step, seconds, **options)

    def programs(self, count: int, seconds: float) -> Steps:
        """More steps of so many seconds, each with a program that runs for as long."""
        return self._submit(count, program, seconds)

    def hold(self, count: int, gate: Path) -> Steps:
        """More steps, which do not end before the gate is there."""
        return self._submit(count, held, str(gate))

    def _submit(self, count: int, fn: Callable[..., tuple[int, str]], argument: object, **options: Any) -> Steps:
        submitter = self.session.with_options(**options)
        first = len(self.futures)
        new = [submitter.submit(fn, str(self.log), first + number, argument) for number in range(count)]
        self.futures += new
        return new

    def until_begun(self, count: int) -> None:
        """Wait until so many have begun somewhere."""
        until(lambda: len(begun(self.log)) >= count, f"the beginning of {count} steps")

    def hosts(self, *futures: TaskFuture[tuple[int, str]]) -> set[str]:
        """Where these, or all, have run."""
        return {future.result(LIMIT)[1] for future in futures or self.futures}

    def verify(self, twice: int) -> None:
        """Every step has its own result, delivered once; `twice` of them at most have begun more than once."""
        assert [future.result(LIMIT)[0] for future in self.futures] == [n * n for n in range(len(self.futures))]
        times = begun(self.log)
        assert sorted(times) == list(range(len(self.futures)))
        again = {number: count for number, count in times.items() if count > 1}
        assert len(again) <= twice
        assert all(count == 2 for count in again.values())

    def journal(self) -> tuple[dict[int, int], list[str]]:
        """After the session was closed: task -> how often it ended, and why attempts were taken back."""
        with JournalReader(self.session.directory) as journal:
            spans = list(journal.spans)
        ends: dict[int, int] = {}
        for span in spans:
            if span.end in ("done", "failed", "cancelled"):
                ends[span.task] = ends.get(span.task, 0) + 1
        return ends, [span.cause for span in spans if span.end == "requeued"]

    def close(self) -> None:
        """Close the session: no step has ended twice, and none is held to have killed a worker."""
        self.session.close()
        ends, causes = self.journal()
        assert ends == dict.fromkeys(ends, 1)
        assert len(ends) == len(self.futures)
        assert not [cause for cause in causes if cause.startswith("worker")]


@pytest.fixture
def run(platform: Callable[[], Platform], tmp_path: Path) -> Run:
    return Run(platform(), tmp_path / "log")


def ours(run: Run, host: str) -> list[Process]:
    """The session's processes on a host."""
    return [process for process in run.platform.hosts.processes(host) if process.mentions(run.platform.mark)]


def until_clean(run: Run, *hosts: str) -> None:
    """Wait until none of the session's processes is left there, though it goes on."""
    until(lambda: not any(ours(run, host) for host in hosts), f"the end of our processes on {', '.join(hosts)}", 20)


def test_tasks_of_a_cancelled_job_move_to_another_pilot(run: Run) -> None:
    cluster = run.session.add_pilot(CLUSTER, name="cluster")
    run.programs(12, 1.0)
    run.until_begun(CORES)
    run.session.add_pilot("local://?cores=2", name="laptop")
    run.platform.slurm.must("scancel", run.platform.job())
    run.verify(twice=CORES)
    assert cluster.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
    assert "its job was cancelled, not by this session" in cluster.cause
    until_clean(run, *NODES)
    run.close()


def test_without_another_pilot_tasks_fail_in_the_schedulers_words_or_wait_if_they_were_told_to(run: Run) -> None:
    cluster = run.session.add_pilot(CLUSTER, name="cluster")
    waiting = run.submit(2, 5.0, wait_for_capacity=True)
    run.until_begun(CORES)
    hopeless = run.submit(2, 5.0)
    run.platform.slurm.must("scancel", run.platform.job())
    for future in hopeless:
        error = future.exception(LIMIT)
        assert isinstance(error, pq.PilotLostError)
        assert "cluster" in str(error)
        assert "its job was cancelled, not by this session" in str(error)
    assert cluster.state is PilotState.FAILED
    assert not any(future.done() for future in waiting)
    run.session.add_pilot("local://?cores=2", name="laptop")
    assert [future.result(LIMIT)[0] for future in waiting] == [0, 1]
    assert begun(run.log) == {0: 2, 1: 2}
    run.close()


def test_a_requeued_job_comes_back_and_goes_on(run: Run) -> None:
    cluster = run.session.add_pilot(DASK, name="cluster")
    run.programs(8, 1.0)
    run.until_begun(2 * CORES)
    run.platform.slurm.must("scontrol", "requeue", run.platform.job())
    until(lambda: cluster.state is PilotState.QUEUED, "the pilot in the queue again")
    assert "requeued" in cluster.cause
    run.verify(twice=2 * CORES)
    assert cluster.state is PilotState.ACTIVE
    run.close()


def test_a_preempted_job_waits_for_its_turn_and_goes_on(run: Run, tmp_path: Path) -> None:
    slurm = run.platform.slurm
    cluster = run.session.add_pilot("slurm:///scavenge?cores=2&walltime=10m&constraint=h4", name="cluster")
    run.submit(10, 1.0)
    run.until_begun(CORES)
    other = slurm.submit("sleep 100", "--exclusive", "--constraint=h4", "--export=NONE", cwd=tmp_path)
    until(lambda: cluster.state is PilotState.QUEUED, "the pilot in the queue again")
    slurm.until_job(other, "RUNNING")
    until_clean(run, "h4")
    before = sum(begun(run.log).values())
    slurm.cancel([other])
    assert sum(begun(run.log).values()) == before
    run.verify(twice=CORES)
    assert run.hosts() == {"h4"}
    run.close()


def test_a_drained_node_serves_its_job_to_the_end_and_takes_no_other(run: Run) -> None:
    slurm = run.platform.slurm
    there = run.session.add_pilot(f"{CLUSTER}&constraint=fast", name="there")
    first = run.submit(6, 1.0)
    run.until_begun(CORES)
    slurm.drain("h2")
    elsewhere = run.session.add_pilot(CLUSTER, name="elsewhere")
    second = run.submit(6, 1.0)
    run.verify(twice=0)
    assert "h2" in run.hosts(*first)
    assert run.hosts(*second) & {"h3", "h4"}
    assert there.state is elsewhere.state is PilotState.ACTIVE
    run.close()


def test_a_killed_agent_ends_its_pilot_and_leaves_nothing(run: Run) -> None:
    cluster = run.session.add_pilot(DASK, name="cluster")
    run.submit(12, 1.0)
    run.until_begun(2 * CORES)
    run.session.add_pilot("local://?cores=2", name="laptop")
    (head,) = [process for host in NODES for process in ours(run, host) if process.command[-1].endswith("agent.json")]
    os.kill(head.pid, signal.SIGKILL)
    run.verify(twice=2 * CORES)
    assert cluster.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
    assert "its job failed" in cluster.cause
    assert "signal 9" in cluster.cause
    until_clean(run, *NODES)
    run.close()


def test_a_scheduler_that_does_not_answer_is_no_reason_to_give_up(run: Run) -> None:
    cluster = run.session.add_pilot(CLUSTER, name="cluster")
    run.submit(8, 1.0)
    run.until_begun(CORES)
    with silent(run.platform.slurm):
        run.verify(twice=0)
        assert cluster.state is PilotState.ACTIVE
    run.close()


def test_a_task_that_cannot_end_before_walltime_is_not_begun(run: Run) -> None:
    short = run.session.add_pilot("slurm:///quantum?cores=2&walltime=2m", name="short")
    run.submit(2, 0.1)
    run.verify(twice=0)
    (long,) = run.submit(1, 0.1, expected_duration=300)
    run.submit(4, 0.1)
    assert [future.result(LIMIT)[0] for future in run.futures if future is not long]
    assert not long.done()
    assert "expected to take 5.0 min" in run.session.explain(long)
    run.session.add_pilot(CLUSTER, name="long")
    run.verify(twice=0)
    assert short.state is PilotState.ACTIVE
    run.close()


def test_where_walltime_ends_and_nodes_die_tasks_go_elsewhere_at_no_cost(run: Run, tmp_path: Path) -> None:
    """One test for what takes Slurm half a minute: so seldom it looks at time limits and at silent nodes."""
    slurm, session, gate = run.platform.slurm, run.session, tmp_path / "gate"
    over = session.add_pilot(f"{CLUSTER}&constraint=h2", name="over")
    over.wait(PilotState.ACTIVE, LIMIT)
    job = run.platform.job()
    back = session.add_pilot(f"{CLUSTER}&constraint=h3", name="back")
    lost = session.add_pilot(f"{DASK}&constraint=h2|h4&directives=--no-requeue", name="lost")
    run.hold(4 * CORES, gate)
    run.until_begun(4 * CORES)
    slurm.expire(job)
    slurm.node_down("h3")
    slurm.node_down("h4")

    assert over.wait(PilotState.DONE, LIMIT) is PilotState.DONE
    assert "its time limit is over" in over.cause
    assert lost.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
    assert "a node of it failed" in lost.cause
    until(lambda: back.state is PilotState.QUEUED, "the pilot in the queue again")
    until_clean(run, *NODES)
    gate.touch()
    session.add_pilot("local://?cores=1", name="laptop")
    run.verify(twice=4 * CORES)
    slurm.node_up("h3")
    assert back.wait(PilotState.ACTIVE, LIMIT) is PilotState.ACTIVE
    run.close()


REFUSED = [
    ("slurm:///nowhere?cores=1", "invalid partition specified: nowhere"),
    ("slurm:///?cores=1&account=nobody", "nobody"),
    ("slurm:///?cores=1&qos=golden", "Invalid qos specification"),
    ("slurm:///?cores=1&constraint=purple", "Invalid feature specification"),
    ("slurm:///?cores=99", "PartitionConfig"),
    ("slurm:///?cores=1&nodes=9", "PartitionNodeLimit"),
    ("slurm:///quantum?cores=1&nodes=2", "PartitionNodeLimit"),
    ("slurm:///quantum?cores=1&walltime=1h", "PartitionTimeLimit"),
    ("slurm:///?cores=1&reservation=none", "Requested reservation is invalid"),
    ("slurm:///?cores=1&directives=--nosuchoption", "unrecognized option '--nosuchoption'"),
]


def test_what_slurm_refuses_fails_in_its_own_words_and_leaves_no_job(run: Run) -> None:
    before = run.platform.slurm.jobs()
    pilots = [run.session.add_pilot(url) for url, _ in REFUSED]
    (future,) = run.submit(1, 0.0)
    causes = {}
    for (url, words), pilot in zip(REFUSED, pilots, strict=True):
        assert pilot.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
        causes[url] = words, pilot.cause
    for url, (words, cause) in causes.items():
        assert words in cause, url
    error = future.exception(LIMIT)
    assert isinstance(error, pq.PilotLostError)
    assert "Requested reservation is invalid" in str(error)
    assert run.platform.slurm.jobs() == before
    assert not begun(run.log)
    run.close()


@contextmanager
def silent(slurm: RunningSlurm) -> Iterator[None]:
    """The controller hangs: commands end by their own time limits."""
    (controller,) = [one for one in slurm.hosts.processes(slurm.login) if "slurmctld" in one.command[0]]
    os.kill(controller.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(controller.pid, signal.SIGCONT)
