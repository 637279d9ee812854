"""Whole pilots on a real Slurm: session, job, agents, workers."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from tests.services.processes import leftovers

import pilot_quantum as pq

pytestmark = pytest.mark.requires("slurm")


@pytest.fixture
def session_directory(slurm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "session"


def square(number: int) -> tuple[int, str]:
    time.sleep(0.05)
    return number * number, socket.gethostname()


def wait_forever(flag: str) -> str:
    while not os.path.exists(flag):
        time.sleep(0.05)
    return socket.gethostname()


def test_values_are_computed_on_two_nodes_and_nothing_is_left(slurm, session_directory):
    with pq.Session(session_directory) as session:
        pilot = session.add_pilot("slurm:///normal?nodes=2&cores=2&engine=processes&walltime=5m")
        results = [future.result(120) for future in session.submit_many(square, range(60))]
        assert [value for value, _ in results] == [number * number for number in range(60)]
        assert {host for _, host in results} <= set(slurm.nodes)
        assert len({host for _, host in results}) == 2
    assert str(pilot.state) == "done"
    assert slurm.jobs() == set()
    assert leftovers(f"{session_directory}") == []


def test_a_requeued_pilot_runs_its_tasks_again_at_no_cost(slurm, session_directory, tmp_path):
    flag = tmp_path / "go"
    with pq.Session(session_directory) as session:
        session.add_pilot("slurm:///normal?nodes=1&cores=1&engine=processes&walltime=5m")
        assert session.submit(square, 3).result(120)[0] == 9
        future = session.with_options(wait_for_capacity=True).submit(wait_forever, str(flag))
        (job,) = slurm.jobs()
        slurm.must("scontrol", "requeue", job)
        slurm.until(lambda: slurm.job_state(job) == "PENDING", "the job is queued again")
        flag.touch()
        assert future.result(90) in slurm.nodes


def test_a_pilot_that_can_never_start_tells_its_tasks_why(slurm, session_directory):
    with pq.Session(session_directory) as session:
        session.add_pilot("slurm:///normal?nodes=77&engine=processes")
        future = session.submit(square, 3)
        with pytest.raises(pq.PilotLostError, match="Partition"):
            future.result(120)
    assert slurm.jobs() == set()
