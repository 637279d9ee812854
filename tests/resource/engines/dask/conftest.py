"""A pilot on Dask without an agent: hosts that start processes here, a loop that keeps what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilot_quantum.resource.agent.hosts import Inventory
from pilot_quantum.resource.engines.dask import make
from pilot_quantum.resource.engines.events import Began, EngineEnded, Outcomes, Shipment, WorkerLost, WorkerUp
from pilot_quantum.resource.payload import dump, dump_code

DEADLINE = 60.0


@dataclass(frozen=True)
class Place:
    """An address of this machine or, with what `enter` puts before a command, of a virtual host."""

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()


class PlainHost:
    """A `Host` without a guard."""

    clock_offset = 0.0
    lost = False

    def __init__(self, loop: asyncio.AbstractEventLoop, directory: Path, node: int, cores: int, place: Place) -> None:
        self.node = node
        self.name = f"here-{node}"
        self.address = place.address
        self._enter = place.enter
        self.inventory = Inventory(self.name, cores, ("0", "1"), 1 << 30, frozenset(), {})
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environments: list[dict[str, str]] = []
        self.arguments: list[list[str]] = []
        self._loop = loop
        directory.mkdir(mode=0o700)

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        log = self.directory / f"{process}.log"
        self.arguments.append(list(argv))
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [*self._enter, *argv],
                env=os.environ | dict(environ),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes[process] = popen

        def reap() -> None:
            code = popen.wait()
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
            words = log.read_text(errors="replace").strip()[-2000:] if log.exists() else ""
            if not self._loop.is_closed():
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(on_exit, f"{how}: {words}" if words else how)

        threading.Thread(target=reap, daemon=True).start()
        return f"mark/{process}"

    def kill(self, process: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[process].pid, signal.SIGKILL)

    def sweep(self, mark: str) -> None:
        pass

    def alive(self) -> list[str]:
        return [name for name, popen in self.processes.items() if popen.poll() is None]


class Rig:
    """An engine on its own asyncio loop, driven by the test: `until` runs the loop."""

    def __init__(self, directory: Path, cores: int = 2, places: Sequence[Place] = (Place(),)) -> None:
        self.asyncio = asyncio.new_event_loop()
        self.events: list[Any] = []
        self.rows: dict[tuple[int, int], tuple[Any, bytes, tuple[bytes, bytes] | None]] = {}
        self.doubled: list[tuple[int, int]] = []
        self._functions: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._tasks = 0
        self.hosts = [
            PlainHost(self.asyncio, directory / f"node-{node}", node, cores, place) for node, place in enumerate(places)
        ]
        self.engine = make("p", self.hosts, None, self)  # type: ignore[arg-type]

    # What engines call.

    def emit(self, event: Any) -> None:
        self.events.append(event)
        self._changed.set()

    def deliver_rows(self, rows: Sequence[Any]) -> None:
        for row in rows:
            key = row[0][:2]
            if key in self.rows:
                self.doubled.append(key)
            self.rows[key] = row

    def function(self, digest: str) -> bytes:
        return self._functions[digest]

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        self.asyncio.call_later(delay, fn)

    def call_soon(self, fn: Callable[[], None]) -> None:
        self.asyncio.call_soon_threadsafe(fn)

    # What tests call.

    def start(self) -> Rig:
        self.call(self.engine.start)
        expected = sum(host.inventory.cores for host in self.hosts)
        self.until(lambda: len(self.of(WorkerUp)) == expected)
        return self

    def call(self, fn: Callable[..., Any], *args: Any) -> Any:
        async def inside() -> Any:
            return fn(*args)

        return self.asyncio.run_until_complete(inside())

    def until(self, holds: Callable[[], bool], seconds: float = DEADLINE) -> None:
        async def wait() -> None:
            while not holds():
                self._changed.clear()
                if self.of(EngineEnded) and not holds():
                    raise AssertionError(f"the engine ended: {self.of(EngineEnded)}")
                await self._changed.wait()

        try:
            self.asyncio.run_until_complete(asyncio.wait_for(wait(), seconds))
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; events: {self.events[-20:]}") from None

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def workers(self) -> list[str]:
        return [event.worker for event in self.of(WorkerUp)]

    def ship(
        self,
        worker: str,
        fn: Callable[..., Any],
        *calls: tuple[Any, ...],
        gpus: tuple[int, ...] = (),
        nodes: tuple[int, ...] = (),
    ) -> list[tuple[int, int]]:
        """Ship one bundle of `fn(*call)` for each call; the (task, attempt) of each."""
        blob = dump_code(fn)
        digest = hashlib.blake2b(blob, digest_size=16).hexdigest()
        self._functions[digest] = blob
        keys = [(self._tasks + number, 1) for number in range(1, len(calls) + 1)]
        self._tasks += len(calls)
        parcels = [(*key, dump((call, {})), ()) for key, call in zip(keys, calls, strict=True)]
        self.call(self.engine.ship, Shipment(worker, digest, 1, gpus, parcels, nodes))
        return keys

    def done(self, keys: Sequence[tuple[int, int]]) -> bool:
        return all(key in self.rows for key in keys)

    def values(self, keys: Sequence[tuple[int, int]]) -> list[Any]:
        self.until(lambda: self.done(keys))
        return [pickle.loads(self.rows[key][1]) for key in keys]

    def began(self, key: tuple[int, int]) -> bool:
        return any((event.task, event.attempt) == key for event in self.of(Began))

    def outcomes(self) -> list[tuple[int, int]]:
        return [item[:2] for event in self.of(Outcomes) for item in event.items]

    def lost(self, worker: str) -> list[WorkerLost]:
        return [event for event in self.of(WorkerLost) if event.worker == worker]

    def ups(self, worker: str) -> list[WorkerUp]:
        return [event for event in self.of(WorkerUp) if event.worker == worker]

    def alive(self) -> list[str]:
        return [name for host in self.hosts for name in host.alive()]

    def close(self) -> None:
        if not self.of(EngineEnded):
            self.call(self.engine.stop, "the test is over")
            with contextlib.suppress(AssertionError):
                self.until(lambda: bool(self.of(EngineEnded)))
        for host in self.hosts:
            for popen in host.processes.values():
                if popen.poll() is None:
                    popen.kill()
                popen.wait()
        pending = asyncio.all_tasks(self.asyncio)
        for task in pending:
            task.cancel()
        if pending:
            self.asyncio.run_until_complete(asyncio.wait(pending, timeout=5))
        self.asyncio.run_until_complete(self.asyncio.shutdown_default_executor())
        self.asyncio.close()


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes engines; ends them, and checks that nothing of them is left."""
    made: list[Rig] = []
    before = set(psutil.Process().children(recursive=True))

    def make_one(**options: Any) -> Rig:
        directory = tmp_path / f"rig-{len(made)}"
        directory.mkdir()
        rig = Rig(directory, **options)
        made.append(rig)
        return rig

    yield make_one
    for rig in made:
        rig.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left, f"left behind: {left}"


@pytest.fixture
def rig(rigs: Callable[..., Rig]) -> Rig:
    """An engine with two workers, both up."""
    return rigs().start()
