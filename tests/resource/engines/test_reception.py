"""The session's reception: who is let in, how nodes are numbered, what is left when it closes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from tests.resource.engines.agents import Rig

from pilot_quantum.resource.channel.credentials import new_token
from pilot_quantum.resource.engines import local_agent
from pilot_quantum.resource.engines.events import Expiring, WorkerUp


@pytest.fixture
def rig(loop: Any, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(loop, tmp_path)
    yield rig
    rig.close()


def test_nodes_of_one_pilots_allocations_have_different_numbers(rig: Rig) -> None:
    rig.local()
    rig.up()
    second = replace(rig.request, allocation="p.2")
    engine = rig.reception.engine(second)
    rig.reception.local_agent(second, engine)
    engine.start()
    assert sorted(rig.up(4)) == ["p/0.0", "p/0.1", "p/1.0", "p/1.1"]
    assert [(node.node, node.group) for node in rig.nodes()] == [(0, "p.1"), (1, "p.2")]
    engine.stop("not wanted")
    rig.loop.until(rig.ends)
    assert [end.allocation for end in rig.ends()] == ["p.2"]


def test_closed_it_leaves_no_process(rig: Rig) -> None:
    rig.local()
    rig.up()
    pids = [event.pid for event in rig.loop.of(WorkerUp)]
    rig.reception.close()
    assert [(end.cause, end.failed) for end in rig.ends()] == [("session closed", False)]
    rig.loop.until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the workers' end")


def test_an_engine_that_was_given_up_refuses_an_agent_that_comes_late(
    rig: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    config = rig.reception.config(rig.request)
    rig.engine.stop("not wanted any more")
    assert rig.ends()[0].cause == "not wanted any more"
    assert rig.ended(rig.agent(config)) == 3
    assert "given it up" in capfd.readouterr().err


def test_an_agent_with_another_token_is_refused(rig: Rig) -> None:
    config = rig.reception.config(rig.request)
    credentials = msgspec.structs.replace(config.credentials, token=new_token())
    assert rig.ended(rig.agent(msgspec.structs.replace(config, credentials=credentials))) == 3
    assert rig.loop.events == []


def test_an_address_that_is_not_ours_is_told_with_what_to_do(rig: Rig) -> None:
    with pytest.raises(OSError, match=r"on 203\.0\.113\.1 \(.*\): leave address= out"):
        rig.reception.config(rig.request, "203.0.113.1")


def test_an_agent_that_cannot_be_started_ends_its_engine_with_its_words(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_agent, "_BOOT", "import sys; sys.exit('no library of that name') # {path}")
    rig.local()
    rig.loop.until(rig.ends)
    assert rig.ends()[0].failed
    assert "no library of that name" in rig.ends()[0].cause


def test_an_agent_ends_with_the_session_that_started_it(rig: Rig, tmp_path: Path) -> None:
    program = """
import os, sys, time
import pilot_quantum as pq
from pilot_quantum.resource.launchers import local

def launch(self, request, events):
    reception = self._reception()
    engine = reception.engine(request)
    reception.local_agent(request, engine)
    return engine

local.LocalLauncher.launch = launch
session = pq.Session(sys.argv[1])
session.add_pilot("local://?cores=1")
print(session.submit(lambda: os.getpid()).result(), flush=True)
session.submit(time.sleep, 600).result()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "session")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        worker = int(stdout.readline())
    agent = psutil.Process(psutil.Process(worker).ppid()).ppid()
    assert psutil.Process(agent).ppid() == process.pid
    process.send_signal(signal.SIGKILL)
    process.wait()
    rig.loop.until(lambda: not psutil.pid_exists(worker) and not psutil.pid_exists(agent), "their end")


def test_a_stream_that_leads_to_no_agent_is_told(rig: Rig) -> None:
    breaks: list[str] = []
    rig.engine.on_break(breaks.append)
    ours, theirs = socket.socketpair()
    rig.engine.adopt(ours)
    theirs.sendall(b"bash: no such program\n")
    theirs.close()
    rig.loop.until(lambda: breaks)
    assert "no such program" in breaks[0]
    assert not rig.ends()


def test_the_end_of_the_walltime_is_known_and_announced(rig: Rig) -> None:
    rig.far(walltime=2.0)
    rig.up()
    (node,) = rig.nodes()
    assert node.ends_at is not None
    rig.loop.until(lambda: rig.loop.of(Expiring))
    assert rig.loop.of(Expiring)[0].cause.startswith("its time is over in 0.")


def test_what_an_agent_prints_is_kept_for_its_owner_alone(rig: Rig) -> None:
    rig.local()
    rig.ship(rig.up()[0], print, ("hello",))
    rig.results(1)
    files = list((rig.folder / "output").iterdir())
    names = {path.name for path in files}
    assert "p.1.agent.log" in names
    assert any(name.endswith(".out") for name in names)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert os.environ.get("PILOT_QUANTUM_PATH") is None
