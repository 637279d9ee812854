"""Programs that a task has run on another node: asked for at the desk, by what stands in the place of rsh."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent import reach
from pilot_quantum.resource.agent.desk import Carrier, Desk, Upward
from pilot_quantum.resource.agent.errands import Errands, OwnErrands
from pilot_quantum.resource.agent.marks import MARK

LIMIT = 30.0


@dataclass
class Place:
    """A host that runs what it is told, as a child of this process."""

    name: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    lost: bool = False

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        child = self.running[process] = subprocess.Popen(argv, env=os.environ | dict(environ))
        self.marks.append(environ.get(MARK, ""))

        async def wait() -> None:
            code = await asyncio.to_thread(child.wait)
            on_exit(f"exited with code {code}: last words" if code >= 0 else "killed by SIGKILL")

        self.task = asyncio.get_running_loop().create_task(wait())
        return "mark"

    def kill(self, process: str) -> None:
        self.killed.append(process)
        self.running[process].kill()


@contextmanager
def serving(carrier: Carrier, directory: Path):
    """A desk in a loop of its own; ends with the block."""
    before = os.environ.get(reach.AGENT)
    with asyncio.Runner() as runner:
        desk = Desk(carrier)
        runner.run(desk.open(directory))
        try:
            yield runner
        finally:
            desk.close()
            os.environ.pop(reach.AGENT)
            if before is not None:
                os.environ[reach.AGENT] = before


async def ask(*words: str) -> tuple[int, str]:
    """What becomes of `reach.py words`: exit code and error output."""
    child = await asyncio.create_subprocess_exec(sys.executable, reach.__file__, *words, stderr=subprocess.PIPE)
    _, err = await asyncio.wait_for(child.communicate(), LIMIT)
    assert child.returncode is not None
    return child.returncode, err.decode()


@pytest.fixture
def place() -> Place:
    return Place("h2")


@pytest.fixture
def errands(place: Place) -> OwnErrands:
    return OwnErrands(Errands(lambda name: place if name == "h2" else None, lambda: ["h1", "h2"]), 0)


def test_a_program_runs_there_as_one_of_the_task_and_its_exit_code_comes_back(errands, place, tmp_path, monkeypatch):
    monkeypatch.setenv(MARK, "token/worker/1")
    with serving(errands, tmp_path) as runner:
        told = tmp_path / "told"
        assert runner.run(ask("-x", "h2", f'echo "$0 a" b "${MARK}"', f">{told};", "exit 0")) == (0, "")
        assert told.read_text() == "/bin/sh a b token/worker/1\n"
        assert runner.run(ask("h2", "exit 3")) == (3, "on host h2: exited with code 3: last words\n")
    assert place.marks == ["token/worker/1"] * 2


def test_what_a_batch_system_has_told_the_agent_is_not_for_the_program(errands, tmp_path, monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURMD_NODENAME", "PMIX_RANK", "PMI_RANK", "PBS_JOBID"):
        monkeypatch.setenv(name, "1")
    with serving(errands, tmp_path) as runner:
        runner.run(ask("h2", "env", f">{tmp_path / 'told'}"))
    names = {line.partition("=")[0] for line in (tmp_path / "told").read_text().splitlines()}
    assert "PATH" in names
    assert not [name for name in names if name.startswith(("SLURM", "PMI", "PBS"))]


def test_a_host_that_is_not_there_is_named_with_those_that_are(errands, tmp_path):
    with serving(errands, tmp_path) as runner:
        code, words = runner.run(ask("h9", "true"))
    assert code == 255
    assert "there is no host 'h9' in this allocation, which has h1, h2" in words


def test_a_program_ends_with_the_one_that_asked_for_it(errands, place, tmp_path):
    async def ask_and_end() -> None:
        child = await asyncio.create_subprocess_exec(sys.executable, reach.__file__, "h2", "sleep 600")
        while not place.running:
            await asyncio.sleep(0.01)
        child.kill()
        await asyncio.wait_for(place.task, LIMIT)
        await child.wait()

    with serving(errands, tmp_path) as runner:
        runner.run(asyncio.wait_for(ask_and_end(), LIMIT))
    assert len(place.killed) == 1


def test_a_further_node_asks_its_head(tmp_path):
    told: list[m.Up] = []
    upward = Upward(told.append)

    async def answered() -> tuple[int, str]:
        asked = asyncio.ensure_future(ask("10.0.0.7", "exit 4"))
        while not told:
            await asyncio.sleep(0.01)
        upward.ended(1, "exited with code 4")
        return await asked

    with serving(upward, tmp_path) as runner:
        assert runner.run(asyncio.wait_for(answered(), LIMIT))[0] == 4
    reaches = [message for message in told if isinstance(message, m.Reach)]
    assert [(one.number, one.host) for one in reaches] == [(1, "10.0.0.7")]
    assert m.decode_up(m.encode(reaches[0])) == reaches[0]


def test_a_lost_node_leaves_nothing_behind_that_it_has_asked_for(place):
    errands = Errands(lambda _: place, lambda: ["h2"])

    async def lose() -> list[str]:
        ends: list[str] = []
        errands.start((1, 1), "h2", ["sleep", "600"], {}, ends.append)
        kept = place.task
        errands.start((2, 1), "h2", ["sleep", "0"], {}, ends.append)
        errands.orphan(1)
        await asyncio.wait_for(asyncio.gather(kept, place.task), LIMIT)
        errands.orphan(1)
        return ends

    assert sorted(asyncio.run(lose())) == ["exited with code 0: last words", "killed by SIGKILL"]
    assert len(place.killed) == 1


def test_a_request_that_is_none_harms_nobody(errands, tmp_path, capsys):
    async def babble() -> None:
        _, writer = await asyncio.open_unix_connection(os.environ[reach.AGENT])
        writer.write(b"hello\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    with serving(errands, tmp_path) as runner:
        runner.run(babble())
        assert runner.run(ask("h2", "true"))[0] == 0


def test_a_desk_is_found_also_where_paths_are_long(errands, tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with serving(errands, deep) as runner:
        assert runner.run(ask("h2", "true"))[0] == 0
        there = Path(os.environ[reach.AGENT])
        assert there.parent.stat().st_mode & 0o077 == 0
    assert not there.parent.exists()
