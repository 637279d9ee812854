"""The network between session, agents and nodes breaks: for a while, which costs nothing, or for good."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.clusters.conftest import LIMIT, Platform, ours, until
from tests.clusters.work import begun, step
from tests.services.processes import Process, leftovers

from pilot_quantum.resource.engines import reception
from pilot_quantum.resource.pilot import Pilot
from pilot_quantum.resource.state import PilotState
from pilot_quantum.task.future import TaskFuture

pytestmark = pytest.mark.requires("slurm", "dask", "ray")

OUTAGE = 20.0
"""Seconds for which the link is down."""
COUNT = 24


@contextmanager
def outage(one: Platform, *names: str) -> Iterator[None]:
    """These hosts' links (or the session's, "root") are down."""
    for name in names:
        one.hosts.link_down(name)
    try:
        yield
    finally:
        for name in names:
            one.hosts.link_up(name)


def pause(seconds: float) -> None:
    """The time of an outage, in which there is nothing to wait for."""
    threading.Event().wait(seconds)


def submitted(
    one: Platform, log: Path, seconds: float, pilots: Sequence[Pilot], hosts: set[str]
) -> list[TaskFuture[tuple[int, str]]]:
    """Tasks, of which some have begun on each of these hosts, while all pilots are there."""
    for pilot in pilots:
        assert pilot.wait(PilotState.ACTIVE, LIMIT) is PilotState.ACTIVE
    futures = [one.session.submit(step, str(log), number, seconds) for number in range(COUNT)]
    until(lambda: log.exists() and hosts <= set(log.read_text().split()), f"a beginning on {hosts}")
    return futures


def check(futures: Sequence[TaskFuture[tuple[int, str]]]) -> None:
    assert [future.result(LIMIT)[0] for future in futures] == [number * number for number in range(COUNT)]


def cut(one: Platform) -> None:
    """Kill the ssh processes of the session."""
    connections = [process for process in leftovers(one.mark) if Path(process.command[0]).name.startswith("ssh")]
    assert connections
    for process in connections:
        with suppress(ProcessLookupError):  # it has followed another
            os.kill(process.pid, signal.SIGKILL)


def once(log: Path) -> bool:
    return begun(log) == dict.fromkeys(range(COUNT), 1)


def test_a_link_that_is_down_for_20_s_costs_no_pilot_and_no_task_runs_twice(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    with one.slurm.patience(300):
        pilots = [
            one.session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m&engine=dask&constraint=slow"),
            one.session.add_pilot("ssh://h1,h2?cores=2&engine=ray"),
            one.session.add_pilot("ssh://h1,h4?cores=1&engine=processes"),
        ]
        futures = submitted(one, tmp_path / "log", 3.0, pilots, {"h1", "h2", "h3", "h4"})
        with outage(one, "root", "h2", "h4"):  # from the session to the heads, and from these to their nodes
            pause(OUTAGE)
        check(futures)
        assert once(tmp_path / "log")
        assert [pilot.state for pilot in pilots] == [PilotState.ACTIVE] * 3


@pytest.mark.usefixtures("impatient")
def test_a_node_that_is_cut_off_for_longer_is_lost_and_its_pilot_goes_on(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    engines = ("processes", "dask", "ray")
    pilots = [one.session.add_pilot(f"ssh://h1,h3?cores=1&engine={engine}") for engine in engines]
    futures = submitted(one, tmp_path / "log", 1.0, pilots, {"h1", "h3"})
    with outage(one, "h3"):
        until(lambda: not _agents(one, "h3"), "the end of the agents that were cut off")
        check(futures)
        assert [pilot.state for pilot in pilots] == [PilotState.ACTIVE] * 3


def test_beyond_the_grace_time_agents_end_by_themselves_and_their_tasks_run_elsewhere(
    platform: Callable[[], Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the usual time until a cut is noticed: were it over sooner, Slurm would find its nodes silent afterwards."""
    monkeypatch.setattr(reception, "GRACE", 3.0)
    one = platform()
    pilots = [
        one.session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m&engine=processes"),
        one.session.add_pilot("ssh://h1,h4?cores=2&walltime=10m&engine=processes"),
    ]
    futures = submitted(one, tmp_path / "log", 1.0, pilots, {"h1", "h4"})
    one.session.add_pilot("local://?cores=4")
    with outage(one, "root"):
        assert not ours(one.hosts, within=60)
        check(futures)
    for pilot in pilots:
        assert pilot.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
        assert "no word" in pilot.cause
    until(lambda: not one.slurm.jobs(), "the end of the job")


def test_an_ssh_connection_that_is_cut_is_made_again(platform: Callable[[], Platform], tmp_path: Path) -> None:
    one = platform()
    pilots = [
        one.session.add_pilot("ssh://h1?cores=2&engine=processes"),
        one.session.add_pilot("ssh://h2?cores=2&engine=ray"),
    ]
    futures = submitted(one, tmp_path / "log", 0.5, pilots, {"h1", "h2"})
    cut(one)
    check(futures)
    assert once(tmp_path / "log")
    assert [pilot.state for pilot in pilots] == [PilotState.ACTIVE] * 2


def test_agents_that_are_killed_take_their_own_hosts_with_them_and_no_others(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    headless = one.session.add_pilot("ssh://h1,h2?cores=1&engine=dask")
    smaller = one.session.add_pilot("ssh://h3,h4?cores=1&engine=processes")
    futures = submitted(one, tmp_path / "log", 0.4, [headless, smaller], {"h1", "h2", "h3", "h4"})
    for host in ("h1", "h4"):
        (agent,) = [process for process in _agents(one, host) if "pilot_quantum.resource.agent" in process.command]
        os.kill(agent.pid, signal.SIGKILL)
    check(futures)
    assert sum(begun(tmp_path / "log").values()) <= COUNT + 3, "more than what the lost hosts ran has run twice"
    assert headless.wait(PilotState.DONE, LIMIT) is PilotState.FAILED
    assert smaller.state is PilotState.ACTIVE
    until(lambda: not [process for host in ("h1", "h2", "h4") for process in _agents(one, host)], "the end of the rest")


def _agents(one: Platform, host: str) -> list[Process]:
    return [process for process in one.hosts.processes(host) if process.mentions("pilot_quantum.resource")]


def test_a_cluster_behind_a_login_host_whose_shell_prints_is_reached_again(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    one.hosts.must("h1", "sh", "-c", "echo 'echo welcome; echo 7; echo to h1 >&2' > /root/.bashrc")
    try:
        url = f"slurm://h1/normal?cores=2&walltime=10m&interpreter={sys.executable}&directory={tmp_path / 'jobs'}"
        pilot = one.session.add_pilot(url)
        futures = submitted(one, tmp_path / "log", 0.5, [pilot], set())
        until(lambda: begun(tmp_path / "log"), "a beginning")
        cut(one)
        check(futures)
    finally:
        one.hosts.must("h1", "sh", "-c", ": > /root/.bashrc")
    assert once(tmp_path / "log")
    assert pilot.state is PilotState.ACTIVE
