"""A pilot on Ray without an agent: hosts that start processes here, a loop that keeps what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pickle
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilot_quantum.resource.agent.hosts import Inventory
from pilot_quantum.resource.agent.marks import MARK, sweep
from pilot_quantum.resource.engines.events import EngineEnded, Outcomes, Shipment, WorkerUp
from pilot_quantum.resource.engines.ray import make
from pilot_quantum.resource.payload import dump, dump_code

DEADLINE = 90.0


class HereHost:
    """A `Host` on this machine: one process group for each process, as under a guard."""

    clock_offset = 0.0
    lost = False

    def __init__(self, loop: asyncio.AbstractEventLoop, directory: Path, node: int, cores: int, address: str) -> None:
        self.node = node
        self.name = f"here-{node}"
        self.address = address
        self.inventory = Inventory(self.name, cores, ("0", "1"), 1 << 30, frozenset(), {})
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.arguments: list[list[str]] = []
        self.instead: dict[str, list[str]] = {}
        """What is run in place of a process's own program."""
        self._loop = loop
        directory.mkdir(mode=0o700)

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        log = self.directory / f"{process}.log"
        mark = f"{self.directory.parent.name}/{self.node}-{process}"
        argv = self.instead.get(process, argv)
        self.arguments.append(list(argv))
        with log.open("wb") as output:
            popen = subprocess.Popen(
                argv,
                env=os.environ | dict(environ) | {MARK: mark},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes[process] = popen

        def reap() -> None:
            code = popen.wait()
            self._end_marked(mark)
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
            words = log.read_text(errors="replace").strip()[-2000:] if log.exists() else ""
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(on_exit, f"{how}: {words}" if words else how)

        threading.Thread(target=reap, daemon=True).start()
        return mark

    def _end_marked(self, mark: str) -> None:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                found = process.environ().get(MARK, "")
                if found == mark or found.startswith(f"{mark}/"):
                    process.kill()

    def kill(self, process: str) -> None:
        self.processes[process].kill()

    def sweep(self, mark: str) -> None:
        threading.Thread(target=sweep, args=(mark,), daemon=True).start()

    def descendants(self, process: str) -> list[psutil.Process]:
        return psutil.Process(self.processes[process].pid).children(recursive=True)


class Rig:
    """An engine on its own asyncio loop, driven by the test: `until` runs the loop."""

    def __init__(self, directory: Path, cores: int = 2, hosts: Sequence[str] = ("127.0.0.1",)) -> None:
        self.asyncio = asyncio.new_event_loop()
        self.events: list[Any] = []
        self.rows: dict[tuple[int, int], tuple[Any, bytes, tuple[bytes, bytes] | None]] = {}
        self.doubled: list[tuple[int, int]] = []
        self.finished: set[tuple[int, int]] = set()
        self.tasks = 0
        self._functions: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self.mark = directory.name
        self.hosts = [
            HereHost(self.asyncio, directory / f"n{node}", node, cores, address) for node, address in enumerate(hosts)
        ]
        self.engine = make("p", self.hosts, None, self)  # type: ignore[arg-type]

    # What engines call.

    def emit(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Outcomes):
            self.finished.update(item[:2] for item in event.items)
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
        self.until(lambda: len(self.of(WorkerUp)) == sum(host.inventory.cores for host in self.hosts))
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
            logs = {str(log): log.read_text(errors="replace")[-2000:] for log in self.logs()}
            raise AssertionError(f"not within {seconds} s; events: {self.events[-20:]}; logs: {logs}") from None

    def logs(self) -> list[Path]:
        """What the processes of all hosts have said, and what Ray has written beside."""
        return [
            log for host in self.hosts for log in (*host.directory.glob("*.log"), *host.directory.rglob("gcs*.out"))
        ]

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def ship(
        self,
        fn: Callable[..., Any],
        *arguments: tuple[Any, ...],
        worker: str = "p/0.0",
        gpus: tuple[int, ...] = (),
        nodes: tuple[int, ...] = (),
        cores: int = 1,
    ) -> list[tuple[int, int]]:
        """Ship one bundle, a task for each tuple of arguments; the tasks' keys."""
        blob = dump_code(fn)
        digest = hashlib.sha256(blob).hexdigest()
        self._functions[digest] = blob
        parcels = []
        for one in arguments:
            self.tasks += 1
            parcels.append((self.tasks, 1, dump((one, {})), ()))
        self.call(self.engine.ship, Shipment(worker, digest, cores, gpus, parcels, nodes))
        return [parcel[:2] for parcel in parcels]

    def until_exists(self, path: Path) -> None:
        """Run the loop until a task has made this file."""

        async def wait() -> None:
            while not path.exists():
                await asyncio.sleep(0.01)

        self.asyncio.run_until_complete(asyncio.wait_for(wait(), DEADLINE))

    def values(self, keys: Sequence[tuple[int, int]]) -> list[Any]:
        self.until(lambda: self.finished.issuperset(keys))
        assert not self.doubled
        return [pickle.loads(self.rows[key][1]) for key in keys]

    def processes(self) -> list[psutil.Process]:
        """All that bear a mark of this rig's hosts."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK, "").startswith(f"{self.mark}/"):
                    found.append(process)
        return found

    def stop(self) -> None:
        if not self.of(EngineEnded):
            self.call(self.engine.stop, "the test is over")
            self.until(lambda: bool(self.of(EngineEnded)))
        self.asyncio.run_until_complete(self.asyncio.shutdown_asyncgens())
        self.asyncio.close()


@pytest.fixture(scope="module")
def rigs() -> Iterator[Callable[..., Rig]]:
    """Makes engines; ends them."""
    made: list[Rig] = []
    with tempfile.TemporaryDirectory(prefix="pqr-") as base:

        def make_rig(cores: int = 2, hosts: Sequence[str] = ("127.0.0.1",)) -> Rig:
            directory = Path(tempfile.mkdtemp(dir=base))
            made.append(Rig(directory, cores, hosts))
            return made[-1]

        yield make_rig
        for rig in made:
            rig.stop()
