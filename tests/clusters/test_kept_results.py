"""Results that stay on real pilots while these are terminated, killed, and made smaller."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.clusters.conftest import LIMIT, Platform, until
from tests.services.processes import Process

import pilot_quantum as pq
from pilot_quantum.errors import DependencyError, ResultLostError

Open = Callable[[], Platform]
COUNT = 1_000_000
TOTAL = COUNT * (COUNT - 1) / 2


def _make(_: int = 0) -> Any:
    return np.arange(COUNT, dtype=np.float64)


def _total(values: Any) -> float:
    return float(values.sum())


def _job_of(values: Any) -> str:
    """The batch job in which this runs, which is where `values` lie."""
    assert _total(values) == TOTAL
    return os.environ["SLURM_JOB_ID"]


def _kept(session: pq.Session, count: int) -> list[pq.TaskFuture[Any]]:
    """Results that lie on the session's pilots."""
    futures = session.with_options(keep_remote=True).submit_many(_make, range(count))
    assert not wait(futures, LIMIT).not_done
    assert all(future.kept is not None and not future.kept.settled for future in futures)
    return futures


def _agent(one: Platform, host: str) -> Process:
    def is_it(process: Process) -> bool:
        return process.command[-2:] == ("pilot_quantum.resource.agent", "-") and process.mentions("PILOT_QUANTUM")

    return next(process for process in one.hosts.processes(host) if is_it(process))


@pytest.mark.requires("hosts")
def test_a_terminated_agent_hands_its_results_over_and_ends(platform: Open) -> None:
    one = platform()
    pilot = one.session.add_pilot("ssh://h1?cores=1")
    (future,) = _kept(one.session, 1)
    os.kill(_agent(one, "h1").pid, signal.SIGTERM)
    pilot.wait("done", LIMIT)
    assert _total(future.result(0)) == TOTAL


@pytest.mark.requires("hosts")
def test_a_killed_agent_takes_its_results_with_it_and_those_of_others_stay(platform: Open) -> None:
    one = platform()
    doomed = one.session.add_pilot("ssh://h1?cores=1&capabilities=doomed", name="doomed")
    (lost,) = _kept(one.session, 1)
    one.session.add_pilot("ssh://h2?cores=1&capabilities=other")
    other = one.session.with_options(needs=pq.Needs(capabilities=["other"]), keep_remote=True)
    safe = other.submit(_make)
    assert not wait([safe], LIMIT).not_done
    os.kill(_agent(one, "h1").pid, signal.SIGKILL)
    with pytest.raises(ResultLostError, match=r"'doomed' \(allocation doomed.1\), and is lost: its agent on h1"):
        lost.result(LIMIT)
    with pytest.raises(DependencyError) as failure:
        other.submit(_total, lost).result(LIMIT)
    assert isinstance(failure.value.__cause__, ResultLostError)
    assert other.submit(_total, safe).result(LIMIT) == TOTAL
    doomed.wait("done", LIMIT)
    one.session.close()
    assert _total(safe.result(0)) == TOTAL


@pytest.mark.requires("slurm")
def test_tasks_go_to_the_allocation_that_has_their_input_and_one_that_is_given_back_hands_over(
    platform: Open, tmp_path: Path
) -> None:
    one = platform()
    url = f"slurm:///normal?nodes=1&cores=1&walltime=10m&directory={tmp_path / 'jobs'}"
    pilot = one.session.add_pilot(url, name="p")
    (first,) = _kept(one.session, 1)
    pilot.resize(2)
    until(lambda: pilot.nodes == 2, "the second node")
    found = [first]
    while len({future.kept.keeper.allocation for future in found}) < 2:  # the node that is up may have no worker yet
        found += _kept(one.session, 2)
    by_place = {future.kept.keeper.allocation: future for future in found}
    places = {"p.1": one.job(0), "p.2": one.job(1)}
    for place in ("p.1", "p.2", "p.2", "p.1"):
        assert one.session.submit(_job_of, by_place[place]).result(LIMIT) == places[place]
    assert all(future.kept is not None and not future.kept.settled for future in found)
    pilot.resize(1)
    until(lambda: pilot.nodes == 1, "the end of the younger job")
    moved, stayed = by_place["p.2"], by_place["p.1"]
    assert moved.kept is not None
    assert moved.kept.why == "its pilot gives the nodes back"
    assert _total(moved.result(0)) == TOTAL
    assert not stayed.kept.settled
    assert one.session.submit(_job_of, moved).result(LIMIT) == places["p.1"]
