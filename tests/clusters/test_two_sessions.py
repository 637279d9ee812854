"""Sessions of several users on one machine at the same time, beside clusters that are nobody's of theirs."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Any

import psutil
import pytest
from tests.clusters.conftest import LIMIT, ours, until
from tests.services.hosts import Hosts
from tests.services.processes import leftovers, remaining

pytestmark = pytest.mark.requires("hosts", "dask", "ray")

PROJECT = Path(__file__).resolve().parents[2]
OTHER = pwd.getpwnam("nobody").pw_uid
_TRIAL = (
    "import distributed, ray, pilot_quantum, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
)


@dataclass(frozen=True)
class User:
    """Who runs a program, and with which interpreter."""

    number: int = os.geteuid()
    python: str = sys.executable
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """What runs their Python."""
        if self.number == os.geteuid():
            return [self.python]
        return ["setpriv", f"--reuid={self.number}", f"--regid={self.number}", "--clear-groups", self.python]

    @property
    def environ(self) -> dict[str, str]:
        """What they have in their environment."""
        return {"PATH": os.environ["PATH"], "USER": f"u{self.number}", **self.more}


@dataclass
class Program:
    """A program that answers each line with one of JSON. mark: in the environment of all that it starts."""

    process: subprocess.Popen[str]
    home: Path
    mark: str

    def ask(self, line: str = "") -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        ready, _, _ = select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else ""
        assert line, f"no answer; it says: {(self.home / 'errors').read_text()[-3000:]}"
        return json.loads(line)

    def pids(self) -> set[int]:
        """All that it has started on this machine, and itself."""
        return {self.process.pid, *(process.pid for process in leftovers(self.mark))}


@pytest.fixture
def programs() -> Iterator[ExitStack]:
    """Ends every program, and removes its home."""
    with ExitStack() as stack:
        yield stack


def start(stack: ExitStack, module: str, mark: str, user: User, **environ: str) -> Program:
    """Run a program as this user, in a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="home-"))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    os.chown(home, user.number, user.number)
    own = {**user.environ, "HOME": str(home), "PILOT_QUANTUM_TEST": mark, **environ}
    with (home / "errors").open("w") as errors:
        process = subprocess.Popen(
            [*user.command, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=PROJECT,
            env=own,
        )
    program = Program(process, home, mark)

    def end() -> None:
        for victim in leftovers(mark):
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
        process.kill()
        process.communicate()

    stack.callback(end)
    return program


def other_user() -> User:
    """Somebody who is not us, where an interpreter and the packages can be read by others; else ourselves."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}"):
        user = User(OTHER, python, {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        trial = [*user.command, "-c", _TRIAL]
        if not subprocess.run(trial, cwd=PROJECT, env=user.environ, capture_output=True, check=False).returncode:
            return user
    return User()


def ssh(stack: ExitStack, hosts: Hosts, user: User) -> str:
    """How this user calls ssh: with a key that they may read."""
    folder = Path(tempfile.mkdtemp(prefix="ssh-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    text = hosts.ssh_config.read_text()
    for name in ("key", "known_hosts"):
        shutil.copy(hosts.ssh_config.parent / name, folder / name)
        text = text.replace(str(hosts.ssh_config.parent / name), str(folder / name))
    (folder / "config").write_text(text)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.number, user.number)
    return f"ssh -F {folder / 'config'}"


def meetings(groups: Sequence[set[int]]) -> list[str]:
    """TCP connections between processes of different groups, on this machine."""
    owner = {pid: number for number, pids in enumerate(groups) for pid in pids}
    connections = [one for one in psutil.net_connections("tcp") if one.pid in owner]
    ends = {tuple(one.laddr): owner[one.pid] for one in connections}
    return [
        str(one) for one in connections if one.raddr and ends.get(tuple(one.raddr), owner[one.pid]) != owner[one.pid]
    ]


def test_sessions_and_clusters_of_others_are_neither_seen_nor_harmed(hosts: Hosts, programs: ExitStack) -> None:
    unique = secrets.token_hex(8)
    me, other = User(), other_user()
    foreign = start(programs, "tests.clusters.foreign", f"foreign-{unique}", me)
    addresses = foreign.hear()
    tempting = {"RAY_ADDRESS": addresses["ray"], "DASK_SCHEDULER_ADDRESS": addresses["dask"]}
    before = foreign.ask()
    users = {"closed": other, "killed": me, "left": other}
    closed, killed, left = (
        start(
            programs,
            "tests.clusters.one_session",
            f"{name}-{unique}",
            user,
            PILOT_QUANTUM_SSH=ssh(programs, hosts, user),
            REMOTE_PYTHON=sys.executable,
            **tempting,
        )
        for name, user in users.items()
    )
    for program in (closed, killed, left):
        assert program.process.stdin is not None
        program.process.stdin.write("work\n")
        program.process.stdin.flush()
    for program in (closed, killed):
        program.hear()
    workers = left.hear()
    assert {pid for name in ("processes", "dask", "ray") for pid in workers[name]} <= left.pids()
    assert not meetings([program.pids() for program in (foreign, closed, killed, left)])

    assert closed.ask("close") == {}
    assert closed.process.wait(LIMIT) == 0
    assert not remaining(closed.mark)
    assert left.ask("work") == workers

    killed.process.kill()
    assert left.ask("work") == workers
    until(lambda: not [one for one in leftovers(killed.mark) if "ssh" not in one.command[0]], "the end of what it had")
    assert left.ask("work") == workers
    assert foreign.ask() == before

    assert left.ask("close") == {}
    assert left.process.wait(LIMIT) == 0
    assert not remaining(left.mark)
    assert foreign.ask() == before
    assert not ours(hosts)
