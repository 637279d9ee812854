"""An engine behind an agent, driven by hand: over a socket pair, and over TLS through a cable that can be cut."""

from __future__ import annotations

import json
import os
import signal
import socket
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

from pilot_quantum.resource.channel import handshake
from pilot_quantum.resource.engines.events import Began, Expiring, Revoked, WorkerLost, WorkerUp


@pytest.fixture
def rig(loop: Any, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(loop, tmp_path)
    yield rig
    rig.close()


@pytest.fixture(params=["socket pair", "TLS"])
def running(rig: Rig, request: pytest.FixtureRequest) -> Rig:
    if request.param == "TLS":
        rig.far()
    else:
        rig.local()
    return rig


def _gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def test_values_errors_and_output_arrive_from_its_workers(running: Rig) -> None:
    def work(number: int) -> int:
        print(f"print {number}")
        print(f"error {number}", file=sys.stderr)
        return 12 // number

    one, two = running.up()
    assert {one, two} == {"p/0.0", "p/0.1"}
    running.ship(one, work, (3,), (0,))
    running.ship(two, os.getpid, (), first=5)
    results = running.results(3)
    assert results[1] == 4
    assert results[2] == ("builtins.ZeroDivisionError", "integer division or modulo by zero")
    assert results[5] in [event.pid for event in running.loop.of(WorkerUp)]
    assert running.printed() == {(1, 1): [("print 3\n", "error 3\n")], (2, 1): [("print 0\n", "error 0\n")]}


def test_the_node_is_described_before_its_workers_come(running: Rig) -> None:
    running.up()
    (node,) = running.nodes()
    assert running.loop.events[0] is node
    assert (node.pilot, node.node, node.group) == ("p", 0, "p.1")
    assert (node.capacity.cores, node.capacity.memory) == (2, 1 << 30)


def test_what_has_not_begun_comes_back(running: Rig) -> None:
    worker = running.up()[0]
    running.ship(worker, time.sleep, (600,), (600,), (600,))
    running.loop.until(lambda: running.loop.of(Began))
    running.engine.revoke(worker, [(1, 1), (2, 1), (3, 1)])
    running.loop.until(lambda: running.loop.of(Revoked))
    assert running.loop.of(Revoked) == [Revoked("p", worker, [(2, 1), (3, 1)])]


def test_a_killed_worker_is_replaced_and_what_it_printed_is_kept(running: Rig) -> None:
    def speak(path: str) -> None:
        print("in the middle", flush=True)
        Path(path).touch()
        time.sleep(600)

    worker = running.up()[0]
    said = running.folder / "said"
    running.ship(worker, speak, (str(said),))
    running.loop.until(lambda: running.loop.of(Began) and said.exists())
    running.engine.kill(worker, "it was told to")
    running.up(3)
    assert running.loop.of(WorkerLost) == [WorkerLost("p", worker, "it was told to")]
    assert running.printed() == {(1, 1): [("in the middle\n", "")]}
    running.ship(worker, abs, (-2,), first=2)
    assert running.results(1) == {2: 2}


def test_a_worker_that_dies_is_told_and_replaced(running: Rig) -> None:
    worker = running.up()[0]
    running.ship(worker, lambda: os.kill(os.getpid(), signal.SIGKILL), ())
    running.loop.until(lambda: running.loop.of(WorkerLost))
    assert running.loop.of(WorkerLost)[0].cause == "killed by SIGKILL"
    running.up(3)


def test_told_to_stop_it_ends_once_and_leaves_nothing(running: Rig) -> None:
    running.up()
    pids = [event.pid for event in running.loop.of(WorkerUp)]
    running.engine.stop("enough")
    running.loop.until(running.ends)
    (end,) = running.ends()
    assert (end.cause, end.failed, end.allocation) == ("enough", False, "p.1")
    assert running.engine.end == ("enough", False)
    assert running.engine._channel is not None
    assert not running.engine._channel._stream.owed, "its last word was not confirmed: it would wait for that"
    running.loop.until(lambda: _gone(pids), "the workers' end")
    assert list((running.folder / "far").iterdir()) == []


def test_with_its_agent_killed_the_engine_ends_and_nothing_is_left(running: Rig) -> None:
    def start(path: str) -> None:
        process = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(path).write_text(str(process.pid))
        time.sleep(600)

    worker = running.up()[0]
    path = running.folder / "pid"
    running.ship(worker, start, (str(path),))
    running.loop.until(lambda: path.exists() and path.read_text())
    pids = [event.pid for event in running.loop.of(WorkerUp)] + [int(path.read_text())]
    agent = psutil.Process(psutil.Process(pids[0]).ppid()).ppid()
    os.kill(agent, signal.SIGKILL)
    if running.cable is not None:  # what its launcher sees
        running.ended(running.processes[0])
        running.engine.gone("its job has ended", failed=True)
    running.loop.until(running.ends)
    assert running.ends()[0].failed
    running.loop.until(lambda: _gone(pids), "everybody's end")


def test_a_warning_precedes_the_end_when_it_is_terminated(rig: Rig) -> None:
    agent = rig.far()
    worker = rig.up()[0]
    rig.ship(worker, time.sleep, (600,))
    rig.loop.until(lambda: rig.loop.of(Began))
    agent.send_signal(signal.SIGTERM)
    rig.loop.until(lambda: rig.loop.of(Expiring))
    assert rig.loop.of(Expiring) == [Expiring("p", "its agent received SIGTERM", "p.1")]
    rig.ship(rig.up()[1], abs, (-1,), first=2)  # what runs goes on
    assert rig.results(1) == {2: 1}
    agent.send_signal(signal.SIGTERM)
    rig.loop.until(rig.ends)
    assert rig.ends()[0].cause == "it was terminated"
    assert rig.ended(agent) == 1


# The connection.


def test_over_a_connection_that_breaks_nothing_is_lost_or_doubled(rig: Rig) -> None:
    def slow(number: int) -> int:
        time.sleep(0.01)
        print(number)
        return number

    rig.far()
    one, two = rig.up()
    assert rig.cable is not None
    breaks: list[str] = []
    rig.engine.on_break(breaks.append)
    for number in range(5):
        first = 100 * number + 1
        rig.ship(one, slow, *[(index,) for index in range(first, first + 50)], first=first)
        rig.ship(two, slow, *[(index,) for index in range(first + 50, first + 100)], first=first + 50)
        rig.results(100 * number + 10)
        rig.cable.cut()
        rig.loop.until(lambda count=number: len(breaks) > count)
        rig.cable.mend()
    results = rig.results(500)
    assert results == {number: number for number in range(1, 501)}
    assert sorted(rig.outcomes()) == [(number, 1) for number in range(1, 501)]
    assert rig.printed() == {(number, 1): [(f"{number}\n", "")] for number in range(1, 501)}
    assert rig.cable.connections >= 5


def test_an_agent_whose_session_is_gone_ends_after_its_grace_time(rig: Rig) -> None:
    agent = rig.far(grace=1.0)
    worker = rig.up()[0]
    rig.ship(worker, time.sleep, (600,))
    pids = [event.pid for event in rig.loop.of(WorkerUp)]
    assert rig.cable is not None
    rig.cable.cut()
    assert rig.ended(agent) == 4
    assert _gone(pids)


def test_without_a_word_for_too_long_the_agent_is_taken_to_be_gone(rig: Rig) -> None:
    rig.far(grace=600.0)
    rig.up()
    assert rig.cable is not None
    rig.engine._silence = rig.engine._closed = 0.2
    rig.cable.cut()
    rig.loop.until(rig.ends)
    assert rig.ends()[0].failed
    assert "no word from its agent for 0.2 s" in rig.ends()[0].cause


def test_an_agent_of_another_version_is_refused_in_one_line(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ours = handshake.facts()
    monkeypatch.setattr(handshake, "facts", lambda: msgspec.structs.replace(ours, python="3.8.1"))
    agent = rig.far()
    rig.loop.until(rig.ends)
    end = rig.ends()[0]
    assert end.failed
    assert "Python" in end.cause
    assert "3.8.1" in end.cause
    assert "\n" not in end.cause
    assert rig.ended(agent) == 3
    assert "3.8.1" in capfd.readouterr().err


def test_a_new_agent_in_the_place_of_a_lost_one_has_new_nodes(rig: Rig) -> None:
    first = rig.far()
    rig.up()
    rig.engine.lost("it was requeued")
    assert rig.loop.events[-1].nodes == [0]
    assert rig.loop.events[-1].cause == "it was requeued"
    assert not rig.loop.events[-1].charged
    rig.ended(first)  # it is refused when it dials again
    rig.far()
    rig.up(4)
    assert [node.node for node in rig.nodes()] == [0, 1]
    rig.ship("p/1.0", abs, (-7,))
    assert rig.results(1) == {1: 7}


def test_an_agent_that_is_served_on_a_socket_outlives_its_login_and_can_be_found_again(rig: Rig) -> None:
    config = rig.reception.config(rig.request)
    login = rig.agent(
        msgspec.structs.replace(config, serve=True, tied=False, addresses=(), exact=True, grace=20.0),
        TMPDIR=str(rig.folder / "far"),
    )
    assert login.stdout is not None
    said = json.loads(login.stdout.readline())
    assert rig.ended(login) == 0
    path = Path(said["socket"])
    assert path.parent.stat().st_mode & 0o077 == 0

    def connect() -> None:
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(path))
        rig.engine.adopt(link)

    connect()
    worker = rig.up()[0]
    breaks: list[str] = []
    rig.engine.on_break(breaks.append)
    rig.ship(worker, abs, (-1,))
    rig.results(1)
    rig.engine._channel.detach("the test's hand")
    rig.ship(worker, abs, (-2,), first=2)
    assert breaks
    connect()
    assert rig.results(2) == {1: 1, 2: 2}
    rig.engine.stop("done")
    rig.loop.until(rig.ends)
    rig.loop.until(lambda: _gone([said["pid"]]), "the agent's end")
    assert not path.parent.exists()


# What travels.


def test_a_large_argument_travels_once_however_many_tasks_use_it(rig: Rig) -> None:
    import pickle

    from pilot_quantum.resource.payload import input_value

    class Input:
        def __reduce__(self) -> tuple[Any, ...]:
            return input_value, (0,)

    rig.far()
    one, two = rig.up()
    assert rig.cable is not None
    before = rig.cable.carried
    data = pickle.dumps(os.urandom(3_000_000))
    for number in range(10):
        rig.ship((one, two)[number % 2], len, (Input(),), first=number, inputs=(bytes(bytearray(data)),))
    assert set(rig.results(10).values()) == {3_000_000}
    assert rig.cable.carried - before < 4_000_000


def test_modules_beside_the_script_travel_where_no_disk_is_shared(rig: Rig) -> None:
    here = rig.folder / "script"
    (here / "inner").mkdir(parents=True)
    (here / "beside.py").write_text("from inner.deep import value\n")
    (here / "inner" / "__init__.py").write_text("")
    (here / "inner" / "deep.py").write_text("value = 42\n")
    rig.reception._beside.directory = here
    begin = rig.engine.begin
    rig.engine.begin = lambda first, _, digest: begin(first, "/nowhere/at/all", digest)  # type: ignore[method-assign]
    rig.far()

    def use() -> tuple[int, str]:
        import beside  # type: ignore[import-not-found]

        return beside.value, beside.__file__

    rig.ship(rig.up()[0], use, ())
    value, file = rig.results(1)[1]
    assert value == 42
    assert file.startswith(str(rig.folder / "far"))


def test_modules_are_used_where_they_are_if_the_disk_is_shared(rig: Rig) -> None:
    here = rig.folder / "script"
    here.mkdir()
    (here / "beside.py").write_text("value = 43\n")
    rig.reception._beside.directory = here
    rig.far()

    def use() -> str:
        import beside

        return str(beside.__file__)

    rig.ship(rig.up()[0], use, ())
    assert rig.results(1)[1] == str(here / "beside.py")


def test_tasks_find_what_the_session_finds_in_an_agent_of_this_machine(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "on_the_path.py").write_text("value = 44\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    rig.local()

    def use() -> int:
        import on_the_path  # type: ignore[import-not-found]

        return int(on_the_path.value)

    rig.ship(rig.up()[0], use, ())
    assert rig.results(1)[1] == 44
