"""The launcher `ssh` with real agents on virtual hosts."""

from __future__ import annotations

import pickle
import shlex
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.resource.conftest import HandLoop

from pilot_quantum.resource import payload
from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.capacity import LATER
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines import reception
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    NodeUp,
    Outcomes,
    Shipment,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.engines.reception import Reception
from pilot_quantum.resource.launchers.openssh import OpenSSH
from pilot_quantum.resource.launchers.protocol import Request
from pilot_quantum.resource.launchers.ssh import SshLauncher
from pilot_quantum.resource.launchers.ssh_agent import MARK

if TYPE_CHECKING:
    from tests.services.hosts import Hosts

pytestmark = pytest.mark.requires("hosts")
LIMIT = 60.0


class ThreadedLoop(HandLoop):
    """A loop that other threads may call."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: deque[Callable[[], None]] = deque()

    def call_soon(self, fn: Callable[[], None]) -> None:
        self._calls.append(fn)

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        deadline = monotonic() + LIMIT

        def turn() -> bool:
            while self._calls:
                self._calls.popleft()()
            return bool(condition()) or monotonic() > deadline

        while not condition():
            super().until(turn, what)
            assert condition() or monotonic() < deadline, f"{what or 'it'} did not come; events: {self.events}"


class Told:
    """Implements `AllocationEvents`."""

    def __init__(self) -> None:
        self.states: list[AllocationState] = []
        self.end: tuple[str, bool] | None = None
        self.ends = 0

    def moved(self, allocation: str, state: AllocationState, cause: str = "") -> None:
        self.states.append(state)

    def ended(self, allocation: str, cause: str, failed: bool) -> None:
        self.end, self.ends = (cause, failed), self.ends + 1


class Bench:
    """One launcher, and what a session does with it, by hand."""

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        folder.mkdir()
        self.hosts = hosts
        self.loop = ThreadedLoop()
        self.reception = Reception(self.loop, folder)
        self.shells: list[OpenSSH] = []
        self.launcher = SshLauncher(self.loop, self.reception, self._shell)
        self.told = Told()
        self.shipped = 0
        # Agents that other tests killed could not take their directories away.
        self.before = {name: self.directories(name) for name in hosts.names}

    def directories(self, name: str) -> set[str]:
        """What agents have made on a host."""
        return {entry for entry in self.hosts.must(name, "ls", "/tmp").split() if entry.startswith("pilot-quantum-")}

    def _shell(self, host: str) -> OpenSSH:
        self.shells.append(OpenSSH(host, shlex.join(["ssh", "-F", str(self.hosts.ssh_config)])))
        return self.shells[-1]

    def launch(self, url: str, interpreter: str | None = None) -> AgentEngine:
        description = PilotDescription(url, interpreter=interpreter)
        capacity = self.launcher.resolve(description)
        request = Request("p.1", "p", description, capacity, description.nodes)
        engine = self.launcher.launch(request, self.told)
        engine.start()
        return engine

    def workers(self, count: int) -> list[str]:
        self.loop.until(lambda: len(self.loop.of(WorkerUp)) >= count or self.told.end, f"{count} workers")
        assert self.told.end is None, self.told.end
        return [event.worker for event in self.loop.of(WorkerUp)]

    def ship(self, engine: AgentEngine, worker: str, fn: Callable[..., object], *calls: tuple[object, ...]) -> None:
        code = payload.dump_code(fn)
        digest = str(hash(code))
        self.loop.functions[digest] = code
        rows = [(self.shipped + number, 1, payload.dump((args, {})), ()) for number, args in enumerate(calls)]
        self.shipped += len(calls)
        engine.ship(Shipment(worker, digest, 1, (), rows))

    @property
    def outcomes(self) -> list[tuple[int, bool]]:
        return [(item[0], item[4]) for event in self.loop.of(Outcomes) for item in event.items]

    def values(self, count: int) -> dict[int, object]:
        self.loop.until(lambda: len(self.outcomes) >= count, f"{count} outcomes")
        found = [(outcome[0], pickle.loads(value)) for (outcome, value, _), *_ in self.loop.leftovers if value]
        assert len(found) == len(dict(found)), "a task has ended twice"
        return dict(found)

    def streams(self) -> list[psutil.Process]:
        """Our ssh processes that lead to an agent."""
        found = []
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if any("channel.bridge" in word for word in child.cmdline()):
                    found.append(child)
        return found

    def close(self) -> None:
        self.launcher.close()
        self.reception.close()
        self.loop.close()

    def leftovers(self) -> list[str]:
        """What bears our mark on any host."""
        names = self.hosts.names
        return [str(process) for name in names for process in self.hosts.processes(name) if MARK in process.environ]


@pytest.fixture
def bench(hosts: Hosts, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(hosts, tmp_path / "output")
    yield bench
    bench.close()
    assert bench.leftovers() == []
    assert not bench.streams()
    assert not [shell for shell in bench.shells if shell._directory is not None]


def test_what_is_not_said_is_known_later(bench):
    capacity = bench.launcher.resolve(PilotDescription("ssh://me@a,b?gpus=1&capabilities=big"))
    assert (capacity.nodes, capacity.cores, capacity.gpus, capacity.memory) == (2, LATER, 1, LATER)
    assert capacity.capabilities == {"big"}


def test_a_host_computes(bench):
    engine = bench.launch("ssh://h1?cores=2")
    first, second = bench.workers(2)
    bench.ship(engine, first, lambda a: __import__("socket").gethostname() + str(a), (1,), (2,))
    bench.ship(engine, second, lambda: 1 / 0, ())
    values = bench.values(3)
    assert (values[0], values[1]) == ("h11", "h12")
    assert bench.loop.of(NodeUp)[0].host == "h1"
    assert bench.told.states == [AllocationState.STARTING, AllocationState.RUNNING]
    bench.launcher.cancel("p.1")
    bench.loop.until(lambda: bench.told.end, "the end")
    assert bench.told.end == ("cancelled", False)
    assert [event.cause for event in bench.loop.of(EngineEnded)] == ["cancelled"]
    assert bench.leftovers() == []


def test_two_hosts_compute_under_one_agent(bench):
    engine = bench.launch("ssh://h1,root@h2?cores=1&engine=processes")
    workers = bench.workers(2)
    assert [event.node for event in sorted(bench.loop.of(NodeUp), key=lambda event: event.node)] == [0, 1]
    for worker in workers:
        bench.ship(engine, worker, lambda: __import__("socket").gethostname(), ())
    assert sorted(bench.values(2).values()) == ["h1", "h2"]
    bench.launcher.cancel("p.1")
    bench.loop.until(lambda: bench.told.end, "the end")
    assert bench.leftovers() == []


def test_a_session_that_closes_leaves_nothing(bench):
    engine = bench.launch("ssh://h1,h2?cores=2&engine=processes")
    for worker in bench.workers(4):
        bench.ship(engine, worker, lambda: __import__("time").sleep(600), ())
    bench.loop.until(lambda: len(bench.loop.of(Began)) == 4, "four tasks")
    bench.launcher.close()
    assert bench.leftovers() == []
    assert not bench.streams()
    for name in ("h1", "h2"):
        assert bench.directories(name) <= bench.before[name]


def test_a_cut_connection_loses_and_doubles_nothing(bench, hosts):
    counter = hosts.directory / "counter"
    counter.write_text("")

    def count(number: int) -> int:
        import time
        from pathlib import Path

        with Path(counter).open("a") as file:
            file.write(f"{number}\n")
        time.sleep(0.05)
        return number

    engine = bench.launch("ssh://h1?cores=2")
    first, second = bench.workers(2)
    bench.ship(engine, first, count, *[(number,) for number in range(40)])
    bench.ship(engine, second, count, *[(number,) for number in range(40, 80)])
    for cut in range(3):
        bench.loop.until(lambda cut=cut: len(bench.outcomes) > 10 * cut, "some outcomes")
        bench.loop.until(bench.streams, "a stream")
        for process in bench.streams():
            process.send_signal(signal.SIGKILL)
        for shell in bench.shells:  # and the connection below it
            shell._exit()
    assert bench.values(80) == {number: number for number in range(80)}
    assert sorted(map(int, counter.read_text().split())) == list(range(80))
    assert bench.told.end is None
    assert not bench.loop.of(WorkerLost)


def test_a_network_that_is_away_for_a_while_ends_nothing(bench, hosts, impatient, monkeypatch):
    """Longer than it takes both ends to notice; tests/clusters/test_link_faults.py has the usual times."""
    monkeypatch.setattr(reception, "GRACE", 60.0)
    engine = bench.launch("ssh://h1?cores=1")
    (worker,) = bench.workers(1)
    bench.ship(engine, worker, lambda: __import__("time").sleep(2) or "kept", ())
    bench.loop.until(lambda: bench.loop.of(Began), "the task")
    hosts.link_down("h1")
    back = monotonic() + 10
    bench.loop.until(lambda: monotonic() > back, "ten seconds")
    hosts.link_up("h1")
    assert bench.values(1) == {0: "kept"}
    assert bench.told.end is None


def test_an_agent_that_is_killed_ends_the_allocation_and_all_it_had(bench, hosts):
    engine = bench.launch("ssh://h1?cores=1")
    (worker,) = bench.workers(1)
    bench.ship(engine, worker, lambda: __import__("subprocess").run(["sleep", "700"], start_new_session=True), ())
    bench.loop.until(lambda: bench.loop.of(Began), "the task")
    (agent,) = [
        process
        for process in hosts.processes("h1")
        if process.command[-2:] == ("pilot_quantum.resource.agent", "-") and MARK in process.environ
    ][:1]
    psutil.Process(agent.pid).send_signal(signal.SIGKILL)
    bench.loop.until(lambda: bench.told.end, "the end")
    assert bench.told.end == (bench.told.end[0], True)
    assert "its agent on h1 has ended" in bench.told.end[0]
    (ended,) = bench.loop.of(EngineEnded)
    assert ended.failed
    assert bench.leftovers() == []


def test_agents_without_a_session_end_by_themselves(bench, hosts, impatient):
    engine = bench.launch("ssh://h1,h2?cores=1&engine=processes")
    for worker in bench.workers(2):
        bench.ship(engine, worker, lambda: __import__("time").sleep(600), ())
    bench.loop.until(lambda: len(bench.loop.of(Began)) == 2, "two tasks")
    for name in ("h1", "h2"):
        hosts.link_down(name)
    bench.loop.until(lambda: bench.leftovers() == [], "the end of all of it")
    for name in ("h1", "h2"):
        hosts.link_up(name)


@pytest.mark.parametrize("url", ["ssh://root@h1:23?cores=1", "ssh://nowhere.invalid?cores=1"])
def test_a_host_that_cannot_be_reached_ends_the_pilot_with_ssh_words(bench, url):
    bench.launch(url)
    bench.loop.until(lambda: bench.told.end, "the end")
    cause, failed = bench.told.end
    assert failed
    assert "cannot be reached by ssh, which says:" in cause
    assert [event.cause for event in bench.loop.of(EngineEnded)] == [cause]


def test_a_further_host_that_cannot_be_reached_ends_the_pilot(bench):
    bench.launch("ssh://h1,nowhere.invalid?cores=1&engine=processes")
    bench.loop.until(lambda: bench.told.end, "the end")
    cause, failed = bench.told.end
    assert failed
    assert "nowhere.invalid cannot be reached" in cause


def test_an_interpreter_that_lacks_the_package_is_named(bench):
    bench.launch("ssh://h1?cores=1", interpreter="/usr/bin/python3")
    bench.loop.until(lambda: bench.told.end, "the end")
    cause, failed = bench.told.end
    assert failed
    assert "h1 has no Python with Pilot-Quantum: /usr/bin/python3: " in cause
    assert "interpreter=/path/to/python" in cause


def test_an_interpreter_that_is_not_there_is_named(bench):
    bench.launch("ssh://h1?cores=1", interpreter="/no/python")
    bench.loop.until(lambda: bench.told.end, "the end")
    assert "/no/python: not found" in bench.told.end[0] or "/no/python: No such file" in bench.told.end[0]


def test_set_up_lines_run_first_where_the_agent_starts(bench):
    description = "ssh://h1?cores=1&setup=echo+hello&setup=export+COLOUR=blue"
    engine = bench.launch(description, interpreter=sys.executable)
    (worker,) = bench.workers(1)
    bench.ship(engine, worker, lambda: __import__("os").environ["COLOUR"], ())
    assert bench.values(1) == {0: "blue"}


def test_a_pilot_that_is_cancelled_while_it_starts_leaves_nothing(bench):
    bench.launch("ssh://h1?cores=1")
    bench.launcher.cancel("p.1")
    bench.loop.until(lambda: bench.told.end, "the end")
    assert bench.told.end == ("cancelled", False)
    assert bench.leftovers() == []
