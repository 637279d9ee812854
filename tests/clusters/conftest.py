"""Sessions on the real Slurm and the real hosts, and the check that nothing of theirs is left anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.services.hosts import Hosts
from tests.services.processes import Process, remaining
from tests.services.slurm import Slurm

import pilot_quantum as pq

LIMIT = 120.0
"""Seconds after which a test that hangs fails; nothing is measured with it."""

_AGENTS = ("pilot_quantum.resource", "PILOT_QUANTUM_PLACE")
"""What everything that an agent has started has in its command line or its environment."""


@dataclass(frozen=True)
class Platform:
    """A session, the machines that it may use, and a mark by which all of its processes are known."""

    session: pq.Session
    hosts: Hosts
    slurm: Slurm
    mark: str

    def job(self, index: int = 0) -> str:
        """The batch job of the session that was submitted as number `index`."""
        return sorted(self.slurm.jobs(), key=int)[index]


@pytest.fixture
def platform(
    hosts: Hosts, slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Platform]]:
    """Opens the session; after the test nothing that it started remains, on any host."""
    mark = f"mark-{tmp_path.name}-{time.monotonic_ns()}"
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PILOT_QUANTUM_SSH", f"ssh -F {hosts.ssh_config}")
    monkeypatch.setenv("PILOT_QUANTUM_TEST", mark)  # inherited by what we start here and by batch jobs
    opened: list[pq.Session] = []

    def open_() -> Platform:
        session = pq.Session(tmp_path / "session")
        opened.append(session)
        return Platform(session, hosts, slurm, mark)

    yield open_
    for session in opened:
        session.close(cancel=True)
    left = [*remaining(mark), *remaining(str(tmp_path / "session")), *ours(hosts)]
    assert not left, "\n".join(map(str, left))


def ours(hosts: Hosts, within: float = 10) -> list[Process]:
    """Processes of agents on the hosts that are still there after waiting for their end, whoever's they are."""
    deadline = time.monotonic() + within
    while True:
        there = [process for name in hosts.names for process in hosts.processes(name)]
        found = [process for process in there if any(process.mentions(text) for text in _AGENTS)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def until(condition: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    """Wait for something that has no event of its own."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {limit:g} s"
        time.sleep(0.05)
