"""Pilots in whole sessions: their states, and that what a task sees of the machine is its slot."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import pilot_quantum as pq
from pilot_quantum.errors import InvalidDescriptionError, PilotLostError
from pilot_quantum.resource.agent import client
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.pilot import Controls, Pilot
from pilot_quantum.resource.state import ALLOWED, IllegalPilotTransitionError, PilotState

LIMIT = 30.0


@pytest.fixture
def session(tmp_path: Path) -> Iterator[pq.Session]:
    session = pq.Session(tmp_path / "session")
    yield session
    session.close(cancel=True)


def _pilot(changes: list[tuple[PilotState, str]] | None = None) -> Pilot:
    changes = [] if changes is None else changes
    return Pilot(
        "p",
        PilotDescription("local://?cores=1"),
        Capacity(1, 1),
        Controls(drain=lambda: None, cancel=lambda: None, resize=lambda nodes: None),
        on_change=lambda pilot, cause: changes.append((pilot.state, cause)),
    )


# States.


def test_every_move_is_told_and_an_illegal_one_tells_the_story() -> None:
    changes: list[tuple[PilotState, str]] = []
    pilot = _pilot(changes)
    pilot.move(PilotState.QUEUED)
    pilot.move(PilotState.FAILED, "no such machine")
    assert changes == [(PilotState.QUEUED, ""), (PilotState.FAILED, "no such machine")]
    assert pilot.cause == "no such machine"
    with pytest.raises(IllegalPilotTransitionError, match=r"(?s)failed -> active.*new.*queued.*no such machine"):
        pilot.move(PilotState.ACTIVE)


def test_waiting_ends_with_the_state_or_with_the_pilot_or_with_the_time() -> None:
    pilot = _pilot()
    with pytest.raises(TimeoutError, match=r"is new after 0\.01 s, not active"):
        pilot.wait("active", 0.01)
    threading.Timer(0.02, lambda: pilot.move(PilotState.FAILED, "gone")).start()
    assert pilot.wait("active", LIMIT) == "failed"
    with pytest.raises(ValueError, match="sleepy"):
        pilot.wait("sleepy")


def test_every_state_leads_to_an_end() -> None:
    for state in PilotState:
        seen, todo = set(), [state]
        while todo:
            one = todo.pop()
            seen.add(one)
            todo += ALLOWED[one] - seen
        assert any(one.final for one in seen)


# Another size.


def _of(url: str) -> tuple[Pilot, list[int]]:
    asked: list[int] = []
    controls = Controls(drain=lambda: None, cancel=lambda: None, resize=asked.append)
    return Pilot("p", PilotDescription(url), Capacity(1, 1), controls, lambda pilot, cause: None), asked


def test_a_pilot_of_a_batch_system_takes_another_size() -> None:
    pilot, asked = _of("slurm:///normal?nodes=2")
    pilot.resize(5)
    pilot.resize(nodes=1)
    assert asked == [5, 1]


@pytest.mark.parametrize(
    ("url", "nodes", "words"),
    [
        ("local://?cores=1", 2, "its nodes are fixed. Add another pilot"),
        ("ssh://a,b", 3, "its nodes are fixed"),
        ("slurm:///", 0, "nodes=0 must be a whole number of at least 1; or drain the pilot"),
        ("slurm:///", 2.0, "nodes=2.0 must be"),
        ("slurm:///", True, "nodes=True must be"),
        ("slurm:///?min_nodes=2&max_nodes=4", 1, "nodes=1 must be a whole number of at least 2, the pilot's min_nodes"),
        ("slurm:///?min_nodes=2&max_nodes=4", 5, "nodes=5 is more than the pilot's max_nodes=4"),
    ],
)
def test_a_size_that_cannot_be_had_is_refused_by_name(url: str, nodes: int, words: str) -> None:
    pilot, asked = _of(url)
    with pytest.raises(InvalidDescriptionError) as caught:
        pilot.resize(nodes)
    assert words in str(caught.value)
    assert not asked


def test_a_pilot_that_ends_takes_no_other_size() -> None:
    pilot, asked = _of("slurm:///normal")
    pilot.move(PilotState.QUEUED)
    pilot.move(PilotState.DRAINING)
    with pytest.raises(InvalidDescriptionError, match="'p' is draining and asks for nothing more"):
        pilot.resize(2)
    assert not asked


# What a task sees.


def test_numeric_threads_follow_the_slot(session: pq.Session) -> None:
    def look() -> tuple[str, str, set[int]]:
        import numpy as np
        import threadpoolctl

        np.ones((300, 300)) @ np.ones((300, 300))
        threads = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
        return os.environ["PILOT_QUANTUM_CORES"], os.environ["OMP_NUM_THREADS"], threads

    session.add_pilot("local://?cores=2")
    wide = session.with_options(needs=pq.Needs(cores=2))
    for submitter, cores in ((session, "1"), (wide, "2"), (wide, "2"), (session, "1"), (session, "1"), (wide, "2")):
        assert submitter.submit(look).result(LIMIT) == (cores, cores, {int(cores)})


@pytest.mark.requires("aer")
def test_the_simulator_uses_the_cores_of_its_slot(session: pq.Session) -> None:
    def simulate() -> tuple[int, set[int]]:
        import threadpoolctl
        from qiskit import QuantumCircuit
        from qiskit_aer import AerSimulator

        circuit = QuantumCircuit(16)
        circuit.h(range(16))
        circuit.measure_all()
        result = AerSimulator(method="statevector").run(circuit, shots=1).result()
        openmp = {p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "openmp"}
        return int(result.results[0].metadata["parallel_state_update"]), openmp

    for cores in (1, 2):
        # A fresh process each time: Aer simulates in a thread of its own, and OpenMP gives new threads the width that
        # was in force when it was loaded. (Our own simulations say how many threads they want.)
        pilot = session.add_pilot("local://?cores=2")
        future = session.with_options(needs=pq.Needs(cores=cores)).submit(simulate)
        assert future.result(LIMIT) == (cores, {cores})
        pilot.drain()
        pilot.wait("done", LIMIT)


def test_gpus_follow_the_slot_and_are_never_shared(
    session: pq.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")

    def use(folder: str) -> tuple[int, str]:
        gpus = os.environ["CUDA_VISIBLE_DEVICES"]
        for gpu in filter(None, gpus.split(",")):
            fd = os.open(f"{folder}/{gpu}", os.O_CREAT | os.O_EXCL)  # fails where another task holds this GPU
            os.close(fd)
        time.sleep(0.005)
        for gpu in filter(None, gpus.split(",")):
            os.unlink(f"{folder}/{gpu}")
        return os.getpid(), gpus

    session.add_pilot("local://?cores=3&gpus=2")
    needs = [pq.Needs(), pq.Needs(gpus=1), pq.Needs(gpus=2), pq.Needs(gpus=1), pq.Needs(gpus=1)]
    futures = [
        (wanted, session.with_options(needs=wanted).submit(use, str(tmp_path))) for _ in range(12) for wanted in needs
    ]
    seen: dict[int, set[str]] = {}
    for wanted, future in futures:
        pid, gpus = future.result(LIMIT)
        assert gpus in {0: {""}, 1: {"4", "6"}, 2: {"4,6"}}[wanted.gpus]
        seen.setdefault(pid, set()).add(gpus)
    assert all(len(gpus) == 1 for gpus in seen.values())  # a process keeps its GPUs for life, having none included


def test_workers_draw_different_random_numbers_and_go_on_drawing(session: pq.Session) -> None:
    def draw(_: int) -> tuple[int, float, float]:
        import random

        import numpy as np

        time.sleep(0.01)
        return os.getpid(), random.random(), float(np.random.random())

    session.add_pilot("local://?cores=3")
    drawn = list(session.map(draw, range(60)))
    assert len({pid for pid, _, _ in drawn}) == 3
    assert len({one for _, one, _ in drawn}) == len({one for _, _, one in drawn}) == 60


def test_gpus_that_the_program_may_not_see_are_refused(session: pq.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(InvalidDescriptionError, match=r"gpus=2.*CUDA_VISIBLE_DEVICES='3' shows 1"):
        session.add_pilot("local://?cores=1&gpus=2")
    assert session.pilots == ()


# Pilots that cannot start, and pilots that end.


def _fails(session: pq.Session, pilot: Pilot, future: pq.TaskFuture[Any], words: str) -> None:
    assert pilot.wait("active", LIMIT) == "failed"
    assert words in pilot.cause
    error = future.exception(LIMIT)
    assert isinstance(error, PilotLostError)
    assert words in str(error)


def test_without_the_sessions_directory_the_pilot_fails_with_the_reason(session: pq.Session) -> None:
    shutil.rmtree(session.directory / "output")
    future = session.submit(abs, -1)
    _fails(session, session.add_pilot("local://?cores=2"), future, "No such file or directory")


def test_with_an_output_directory_that_cannot_be_written_the_pilot_fails_with_the_reason(
    session: pq.Session, unwritable: Callable[[Path], str]
) -> None:
    words = unwritable(session.directory / "output")
    future = session.submit(abs, -1)
    _fails(session, session.add_pilot("local://?cores=2"), future, words)


def test_when_the_guard_cannot_be_started_the_pilot_fails_with_the_reason(
    session: pq.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    future = session.submit(abs, -1)
    with monkeypatch.context() as patch:
        patch.setattr(client.sys, "executable", "/no/such/python")
        _fails(session, session.add_pilot("local://?cores=1"), future, "/no/such/python")
    session.add_pilot("local://?cores=1")
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_a_worker_that_cannot_start_any_more_ends_the_pilot_and_nothing_hangs(session: pq.Session) -> None:
    pilot = session.add_pilot("local://?cores=1")
    assert session.submit(abs, -1).result(LIMIT) == 1
    shutil.rmtree(session.directory / "output")
    error = session.submit(os._exit, 1).exception(LIMIT)
    assert isinstance(error, PilotLostError)
    assert pilot.wait("failed", LIMIT) == "failed"
    assert "No such file or directory" in pilot.cause


def test_a_cancelled_pilot_ends_its_processes_and_its_tasks_run_elsewhere(session: pq.Session, tmp_path: Path) -> None:
    def stay(gate: str) -> int:
        Path(gate, str(os.getpid())).touch()
        while not os.path.exists(f"{gate}/go"):
            time.sleep(0.01)
        return os.getpid()

    pilot = session.add_pilot("local://?cores=1")
    future = session.submit(stay, str(tmp_path))
    while not (pids := [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]):
        time.sleep(0.01)
    session.add_pilot("local://?cores=1")
    pilot.cancel()
    assert pilot.wait("done", LIMIT) == "cancelled"
    (tmp_path / "go").touch()
    assert future.result(LIMIT) != pids[0]
    session.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_drained_pilot_finishes_what_runs(session: pq.Session, tmp_path: Path) -> None:
    def stay(gate: str) -> str:
        Path(gate, "begun").touch()
        while not os.path.exists(f"{gate}/go"):
            time.sleep(0.01)
        return "finished"

    pilot = session.add_pilot("local://?cores=1")
    future = session.submit(stay, str(tmp_path))
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    pilot.drain()
    assert pilot.wait("draining", LIMIT) == "draining"
    waiting = session.with_options(wait_for_capacity=True).submit(abs, -1)
    (tmp_path / "go").touch()
    assert future.result(LIMIT) == "finished"
    assert pilot.wait("done", LIMIT) == "done"
    assert not waiting.done()
    session.add_pilot("local://?cores=1")
    assert waiting.result(LIMIT) == 1


def test_pilots_may_be_drained_and_cancelled_at_any_moment_and_twice(session: pq.Session) -> None:
    for action in ("drain", "cancel"):
        for pause in (0.0, 0.01, 0.05, 0.2):
            pilot = session.add_pilot("local://?cores=2")
            time.sleep(pause)
            getattr(pilot, action)()
            pilot.drain()
            pilot.cancel()
            assert pilot.wait("done", LIMIT).final
    assert session.resources() == ()


def test_a_pilot_ends_when_its_walltime_is_over(session: pq.Session) -> None:
    pilot = session.add_pilot("local://?cores=1&walltime=0.5s")
    future = session.submit(time.sleep, 600)
    assert pilot.wait("done", LIMIT) == "done"
    assert "walltime of 0.5 s" in pilot.cause
    assert isinstance(future.exception(LIMIT), PilotLostError)
