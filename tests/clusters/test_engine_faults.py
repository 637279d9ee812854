"""Dask and Ray clusters of ours over two real hosts: they use both, and when a part dies nothing is lost or hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.clusters.conftest import LIMIT, Platform, until
from tests.clusters.work import begun, step
from tests.services.processes import Process

import pilot_quantum as pq
from pilot_quantum.resource.state import PilotState
from pilot_quantum.task.future import TaskFuture

pytestmark = pytest.mark.requires("slurm", "dask", "ray")

DASK = "slurm:///normal?nodes=2&cores=2&walltime=10m&engine=dask"
RAY = "ssh://h1,h2?cores=2&engine=ray"
_DASK = "pilot_quantum.resource.engines.dask"


def found(one: Platform, words: str, *hosts: str) -> list[Process]:
    """Processes on these hosts, or all, with the words in their command lines."""
    there = [process for name in hosts or one.hosts.names for process in one.hosts.processes(name)]
    return [process for process in there if words in " ".join(process.command)]


def kill(one: Platform, words: str, *hosts: str) -> None:
    """SIGKILL the first of them."""
    os.kill(found(one, words, *hosts)[0].pid, signal.SIGKILL)


def on_both_hosts(one: Platform, log: Path) -> bool:
    """Whether workers of both hosts are there: some tasks that take a moment use all of them."""
    futures = [one.session.submit(step, str(log), number, 0.1) for number in range(8)]
    return len({future.result(LIMIT)[1] for future in futures}) == 2


def submitted(one: Platform, log: Path, count: int, seconds: float) -> list[TaskFuture[tuple[int, str]]]:
    """Tasks, of which at least four have begun."""
    futures = [one.session.submit(step, str(log), number, seconds) for number in range(count)]
    until(lambda: len(begun(log)) >= 4, "the beginning of four tasks")
    return futures


def values(futures: Sequence[TaskFuture[tuple[int, str]]]) -> list[int]:
    return [future.result(LIMIT)[0] for future in futures]


def squares(count: int) -> list[int]:
    return [number * number for number in range(count)]


@pytest.mark.parametrize(
    ("url", "worker", "head", "said"),
    [
        (DASK, f"{_DASK}.worker", f"{_DASK}.scheduler", "the Dask scheduler"),
        (RAY, "ray::SlotActor", "gcs_server", "the head of its Ray cluster"),
    ],
    ids=["dask", "ray"],
)
def test_a_cluster_over_two_hosts_outlives_a_worker_but_not_its_head(
    platform: Callable[[], Platform], tmp_path: Path, url: str, worker: str, head: str, said: str
) -> None:
    one = platform()
    pilot = one.session.add_pilot(url, name="big")
    until(lambda: on_both_hosts(one, tmp_path / "warm"), "workers on both hosts")
    futures = submitted(one, tmp_path / "first", 40, 0.2)
    kill(one, worker)
    assert values(futures) == squares(40)
    assert len({future.result()[1] for future in futures}) == 2
    assert sum(begun(tmp_path / "first").values()) <= 41, "more than what the dead worker ran has run twice"
    assert pilot.state is PilotState.ACTIVE

    futures = submitted(one, tmp_path / "second", 12, 1.0)
    one.session.add_pilot("local://?cores=2", name="small")
    kill(one, head)
    assert values(futures) == squares(12)
    assert pilot.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
    assert said in pilot.cause


@pytest.mark.parametrize(
    ("url", "head", "said"),
    [(DASK, f"{_DASK}.scheduler", "the Dask scheduler"), (RAY, "ray::DashboardAgent", "raylet exited")],
    ids=["dask", "ray"],
)
def test_without_any_other_pilot_the_tasks_fail_and_say_why(
    platform: Callable[[], Platform], tmp_path: Path, url: str, head: str, said: str
) -> None:
    one = platform()
    pilot = one.session.add_pilot(url, name="big")
    futures = submitted(one, tmp_path / "log", 8, 60.0)
    kill(one, head)
    for future in futures:
        with pytest.raises(pq.PilotLostError, match=said):
            future.result(LIMIT)
    assert pilot.wait(PilotState.DONE, LIMIT) is PilotState.FAILED


def test_a_ray_cluster_goes_on_without_a_node_that_is_not_its_heads(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    pilot = one.session.add_pilot(RAY)
    futures = submitted(one, tmp_path / "log", 12, 1.0)
    kill(one, "raylet/raylet", "h2")
    assert values(futures) == squares(12)
    assert {future.result()[1] for future in futures} >= {"h1"}
    assert pilot.state is PilotState.ACTIVE
