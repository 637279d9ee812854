"""An allocation of several nodes: a head agent, and further agents that this test starts on the same machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from tests.resource.engines.agents import Rig

from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.agent.marks import MARK
from pilot_quantum.resource.engines.events import Began, NodesLost, WorkerLost, WorkerUp


class Cluster(Rig):
    """A rig of nodes "one", "two", ..."""

    NAMES = ("one", "two", "three")

    def __init__(self, loop: Any, folder: Path, nodes: int, engine: str = "processes") -> None:
        super().__init__(loop, folder, nodes, engine)
        self.further: dict[str, subprocess.Popen[bytes]] = {}
        self.missing: set[str] = set()
        self.engine.on_listening(self._start)

    def begin(self, **changes: Any) -> subprocess.Popen[bytes]:
        names = self.NAMES[: self.request.nodes]
        return self.far(spawn="launcher", hosts=names, name=names[0], listen="127.0.0.1", **changes)

    def _start(self, config: AgentConfig) -> None:
        for name in self.NAMES[1 : self.request.nodes]:
            if name not in self.missing:
                allocation = f"{self.request.allocation}@{name}"
                one = msgspec.structs.replace(config, name=name, allocation=allocation)
                self.further[name] = self.agent(one)


@pytest.fixture
def cluster(loop: Any, tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(loop, tmp_path, 2)
    yield cluster
    cluster.close()


def test_tasks_run_on_all_nodes(cluster: Cluster) -> None:
    def where(number: int) -> tuple[int, int]:
        print(number)
        return number, os.getppid()

    cluster.begin()
    workers = cluster.up(4)
    assert sorted(workers) == ["p/0.0", "p/0.1", "p/1.0", "p/1.1"]
    assert all(event.worker.startswith(f"p/{event.node}.") for event in cluster.loop.of(WorkerUp))
    assert sorted((node.node, node.host, node.group) for node in cluster.nodes()) == [
        (0, "one", "p.1"),
        (1, "two", "p.1"),
    ]
    for number, worker in enumerate(workers):
        cluster.ship(worker, where, (number,), first=number)
    results = cluster.results(4)
    assert [results[number][0] for number in range(4)] == [0, 1, 2, 3]
    assert len({guard for _, guard in results.values()}) == 2
    assert cluster.printed() == {(number, 1): [(f"{number}\n", "")] for number in range(4)}


def test_the_lead_of_a_gang_is_told_its_nodes_and_the_next_task_is_not(cluster: Cluster) -> None:
    def told() -> tuple[str | None, str | None]:
        return os.environ.get("PILOT_QUANTUM_HOSTS"), os.environ.get("PILOT_QUANTUM_ADDRESSES")

    cluster.begin()
    cluster.up(4)
    cluster.ship("p/0.0", told, (), nodes=(0, 1))
    cluster.ship("p/1.0", told, (), first=2, nodes=(1, 0))
    assert cluster.results(2) == {
        1: ("one,two", "127.0.0.1,127.0.0.1"),
        2: ("two,one", "127.0.0.1,127.0.0.1"),
    }
    cluster.ship("p/1.0", told, (), first=3)
    assert cluster.results(3)[3] == (None, None)


@pytest.mark.parametrize("lead", ["p/0.0", "p/1.0"])
def test_a_gang_ends_on_all_nodes_with_its_lead(cluster: Cluster, lead: str) -> None:
    def publish(path: str) -> None:
        Path(path).write_text(os.environ[MARK])
        time.sleep(600)

    cluster.begin()
    cluster.up(4)
    path = cluster.folder / "mark"
    cluster.ship(lead, publish, (str(path),), nodes=(0, 1) if lead == "p/0.0" else (1, 0))
    cluster.loop.until(lambda: path.exists() and path.read_text())
    # A rank, as a batch system starts it: nobody's child here, with the lead's environment.
    rank = subprocess.Popen(["sleep", "600"], env=os.environ | {MARK: path.read_text()}, start_new_session=True)
    stranger = subprocess.Popen(["sleep", "600"], env=os.environ | {MARK: "another/mark/1"})
    cluster.loop.until(lambda: MARK in psutil.Process(rank.pid).environ(), "the rank's environment")  # just after exec
    cluster.engine.kill(lead, "cancelled")
    cluster.loop.until(lambda: rank.poll() is not None, "the rank's end")
    assert rank.returncode == -signal.SIGKILL
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    cluster.loop.until(lambda: cluster.loop.of(WorkerLost))


def test_a_node_that_is_lost_takes_nothing_else_with_it(cluster: Cluster) -> None:
    cluster.begin(grace=1.0)  # the node's agent has that long to dial again
    cluster.up(4)
    cluster.ship("p/1.0", time.sleep, (600,))
    cluster.loop.until(lambda: cluster.loop.of(Began))
    pids = [event.pid for event in cluster.loop.of(WorkerUp) if event.node == 1]
    cluster.further["two"].send_signal(signal.SIGKILL)
    cluster.loop.until(lambda: cluster.loop.of(NodesLost))
    (lost,) = cluster.loop.of(NodesLost)
    assert (list(lost.nodes), lost.charged) == ([1], True)
    assert "node two" in lost.cause
    cluster.loop.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "its workers' end")
    cluster.ship("p/0.0", abs, (-3,), first=2)
    assert cluster.results(1) == {2: 3}


def test_a_node_whose_agent_never_comes_is_told_and_the_rest_works(cluster: Cluster) -> None:
    cluster.missing.add("two")
    cluster.begin(patience=1.0)
    cluster.up(2)
    cluster.loop.until(lambda: cluster.loop.of(NodesLost))
    assert cluster.loop.of(NodesLost)[0].cause == "node two: its agent did not come within 1 s"
    cluster.ship("p/0.1", abs, (-3,))
    assert cluster.results(1) == {1: 3}


def test_stopped_it_ends_on_all_nodes(cluster: Cluster) -> None:
    head = cluster.begin()
    cluster.up(4)
    pids = [event.pid for event in cluster.loop.of(WorkerUp)]
    cluster.engine.stop("enough")
    cluster.loop.until(cluster.ends)
    assert (cluster.ends()[0].cause, cluster.ends()[0].failed) == ("enough", False)
    assert cluster.ended(head) == 0
    assert cluster.ended(cluster.further["two"]) == 0
    cluster.loop.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the workers' end")
    assert not cluster.loop.of(NodesLost)
    assert list((cluster.folder / "far").iterdir()) == []


def test_when_its_head_is_killed_everything_ends(cluster: Cluster) -> None:
    head = cluster.begin(grace=1.0)
    cluster.up(4)
    pids = [event.pid for event in cluster.loop.of(WorkerUp)]
    head.kill()
    assert cluster.ended(cluster.further["two"]) == 4
    cluster.loop.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the workers' end")
    cluster.engine.gone("its job has ended", failed=True)
    assert cluster.ends()[0].cause == "its job has ended"


def test_modules_travel_from_the_head_to_the_others(cluster: Cluster) -> None:
    here = cluster.folder / "script"
    here.mkdir()
    (here / "beside.py").write_text("value = 45\n")
    cluster.reception._beside.directory = here
    begin = cluster.engine.begin
    cluster.engine.begin = lambda first, _, digest: begin(first, "/nowhere", digest)  # type: ignore[method-assign]

    def use() -> int:
        import beside  # type: ignore[import-not-found]

        return int(beside.value)

    cluster.begin()
    cluster.up(4)
    cluster.ship("p/1.1", use, ())
    assert cluster.results(1) == {1: 45}


def test_a_large_argument_travels_once_to_each_node(cluster: Cluster) -> None:
    cluster.begin()
    cluster.up(4)
    assert cluster.cable is not None
    before = cluster.cable.carried
    data = os.urandom(2_000_000)
    for number in range(8):
        cluster.ship(f"p/{number % 2}.0", len, (data,), first=number)
    assert set(cluster.results(8).values()) == {2_000_000}
    assert cluster.cable.carried - before < 3_000_000


def test_srun_starts_one_agent_for_each_node(loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a program in srun's place: it notes its arguments and its end, and runs the command here."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    srun = bin_ / "srun"
    srun.write_text(
        f"#!{sys.executable}\n"
        "import subprocess, sys\n"
        f"open({str(tmp_path / 'called')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "rest = [word for word in sys.argv[1:] if not word.startswith('--')]\n"
        "subprocess.run(rest)\n"
        f"open({str(tmp_path / 'left')!r}, 'a').write('left\\n')\n"
    )
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")
    cluster = Cluster(loop, tmp_path, 3)
    try:
        names = Cluster.NAMES
        cluster.far(spawn="srun", hosts=names, name="one", listen="127.0.0.1")
        assert {worker[:3] for worker in cluster.up(6)} == {"p/0", "p/1", "p/2"}
        called = (tmp_path / "called").read_text().splitlines()
        listed = [word for line in called for word in line.split() if "nodelist" in word]
        assert sorted(listed) == ["--nodelist=three", "--nodelist=two"]
        assert all("token" not in line and "CERTIFICATE" not in line for line in called)
        cluster.engine.stop("enough")
        cluster.loop.until(cluster.ends)
        assert (tmp_path / "left").read_text() == "left\n" * 2, "one was killed before its step had ended"
    finally:
        cluster.close()


def test_a_node_that_srun_cannot_start_is_told_in_its_words(
    loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    srun = bin_ / "srun"
    srun.write_text("#!/bin/sh\necho 'srun: error: Unable to create step: Invalid partition' >&2\nexit 1\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")
    cluster = Cluster(loop, tmp_path, 2)
    try:
        cluster.far(spawn="srun", hosts=("one", "two"), name="one", listen="127.0.0.1")
        cluster.loop.until(lambda: cluster.loop.of(NodesLost))
        cause = cluster.loop.of(NodesLost)[0].cause
        assert cause.startswith("node two: its agent could not be started: exited with code 1: srun: error: Unable")
    finally:
        cluster.close()


@pytest.mark.requires("dask")
def test_an_engine_that_spans_nodes_starts_its_programs_on_all_of_them(loop: Any, tmp_path: Path) -> None:
    def where(number: int) -> tuple[int, str]:
        print(number)
        return number, os.environ[MARK].partition("/")[0]

    cluster = Cluster(loop, tmp_path, 2, "dask")
    try:
        cluster.begin(grace=1.0)
        workers = cluster.up(4)
        assert sorted(workers) == ["p/0.0", "p/0.1", "p/1.0", "p/1.1"]
        for number, worker in enumerate(workers):
            cluster.ship(worker, where, (number,), first=number)
        results = cluster.results(4)
        assert [results[number][0] for number in range(4)] == [0, 1, 2, 3]
        assert len({token for _, token in results.values()}) == 2
        assert cluster.printed() == {(number, 1): [(f"{number}\n", "")] for number in range(4)}
        cluster.engine.kill("p/1.0", "on purpose")
        cluster.up(5)
        cluster.ship("p/1.0", where, (9,), first=9)
        assert cluster.results(5)[9][0] == 9
        cluster.further["two"].kill()
        cluster.loop.until(lambda: cluster.loop.of(NodesLost))
        cluster.ship("p/0.0", where, (10,), first=10)
        assert cluster.results(6)[10][0] == 10
        cluster.engine.stop("enough")
        cluster.loop.until(cluster.ends)
        assert not cluster.ends()[0].failed
        cluster.loop.until(lambda: not any(_alive(event.pid) for event in cluster.loop.of(WorkerUp)), "their end")
    finally:
        cluster.close()


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
