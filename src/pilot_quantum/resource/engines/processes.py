"""The engine `processes`: long-lived worker processes on this host, each on a socket pair of its own."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pilot_quantum.resource.agent import threads, wire
from pilot_quantum.resource.agent.client import GuardClient, worker_start
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    Loop,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)

_CHUNK = 1 << 20
_STILLBORN = 3
"""Workers of one slot that may die before they are ready, one after the other, before the engine gives up."""


class _Link:
    """One worker's process: its socket, what is still to be written, and which functions it has."""

    def __init__(self, worker: str, generation: int, link: socket.socket, stdout: Path, stderr: Path) -> None:
        self.worker = worker
        self.generation = generation
        self.socket = link
        self.stdout = stdout
        self.stderr = stderr
        self.frames = wire.Frames()
        self.backlog: deque[memoryview] = deque()
        self.functions: set[str] = set()
        self.gpus: str | None = None
        """GPUs that its process has seen; None until its first task."""
        self.ready = False
        self.doomed = ""
        """Why we are ending it, if we are."""
        link.setblocking(False)


class ProcessesEngine:
    """Runs the tasks of one local pilot. Implements `Engine`."""

    def __init__(
        self, pilot: str, cores: int, gpus: tuple[str, ...], guard: GuardClient, loop: Loop, output: Path
    ) -> None:
        self._pilot = pilot
        self._names = [f"{pilot}/{index}" for index in range(cores)]
        self._gpus = gpus
        self._guard = guard
        self._loop = loop
        self._output = output
        self._links: dict[str, _Link] = {}
        self._generation = 0
        self._stillborn = 0
        self._ended = False

    def start(self) -> None:
        """Fork the workers."""
        self._guard.on_loss(lambda cause: self._end(cause, failed=True))
        for name in self._names:
            self._fork(name)

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker; a worker whose process has seen other GPUs gets a new process first."""
        link = self._links[shipment.worker]
        gpus = ",".join(self._gpus[index] for index in shipment.gpus)
        if link.gpus is not None and link.gpus != gpus:
            self._forget(link)
            self._guard.kill(link.worker, link.generation)
            link = self._fork(shipment.worker)
        link.gpus = gpus
        if shipment.function not in link.functions:
            link.functions.add(shipment.function)
            self._send(link, wire.Function(shipment.function, self._loop.function(shipment.function)))
        self._send(link, wire.Tasks(shipment.function, shipment.cores, gpus, list(shipment.parcels)))

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Ask for tasks back that have not begun."""
        link = self._links.get(worker)
        if link is not None:
            self._send(link, wire.Withdraw(list(items)))

    def kill(self, worker: str, cause: str) -> None:
        """End a worker's process and all that it started; a new one takes its place."""
        link = self._links.get(worker)
        if link is not None:
            link.doomed = cause
            self._guard.kill(worker, link.generation)

    def stop(self, cause: str) -> None:
        """End all workers at once."""
        self._end(cause, failed=False)

    def _fork(self, name: str) -> _Link:
        self._generation += 1
        stem = name.replace("/", "-")
        stdout, stderr = self._output / f"{stem}.out", self._output / f"{stem}.err"
        start = worker_start(name, self._generation, threads.environment(1, ""), stdout, stderr)
        link = _Link(name, self._generation, self._guard.start(start, self._make_on_exit(name)), stdout, stderr)
        self._links[name] = link
        self._loop.watch(link.socket.fileno(), lambda: self._ready(link))
        return link

    def _make_on_exit(self, name: str) -> Callable[[int, str], None]:
        def on_exit(generation: int, how: str) -> None:
            link = self._links.get(name)
            if link is not None and link.generation == generation and not self._ended:
                self._died(link, how)

        return on_exit

    def _died(self, link: _Link, how: str) -> None:
        self._read(link)  # what it reported before it died
        self._forget(link)
        if not link.ready:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                words = _tail(link.stderr)
                self._end(f"its workers cannot start: the last {how}" + (f", saying: {words}" if words else ""), True)
                return
        else:
            self._loop.emit(WorkerLost(self._pilot, link.worker, link.doomed or how))
        self._fork(link.worker)

    def _forget(self, link: _Link) -> None:
        self._loop.unwatch(link.socket.fileno())
        link.socket.close()
        self._links.pop(link.worker, None)

    def _end(self, cause: str, failed: bool) -> None:
        if self._ended:
            return
        self._ended = True
        for link in list(self._links.values()):
            self._guard.kill(link.worker, link.generation)
            self._forget(link)
        self._loop.emit(EngineEnded(self._pilot, cause, failed))

    # Reading.

    def _ready(self, link: _Link) -> None:
        if link.backlog:
            self._drain(link)
        self._read(link)

    def _read(self, link: _Link) -> None:
        while True:
            try:
                data = link.socket.recv(_CHUNK)
            except (BlockingIOError, OSError):
                return
            if not data:
                # Closed by the worker's end; that it has died, and how, the guard will tell.
                self._loop.unwatch(link.socket.fileno())
                return
            for message in link.frames.feed(data):
                self._take(link, wire.decode_from_worker(message))
            if len(data) < _CHUNK:
                return

    def _take(self, link: _Link, message: wire.Hello | wire.Report | wire.Withdrawn) -> None:
        if isinstance(message, wire.Report):
            if message.rows:
                self._loop.deliver(message.rows, link.stdout, link.stderr)
                outcomes = [row[0] for row in message.rows]
                self._loop.emit(Outcomes(self._pilot, link.worker, outcomes))
            if message.began is not None:
                self._loop.emit(Began(self._pilot, link.worker, *message.began))
        elif isinstance(message, wire.Withdrawn):
            self._loop.emit(Revoked(self._pilot, link.worker, message.items))
        else:
            self._stillborn, link.ready = 0, True
            self._loop.emit(WorkerUp(self._pilot, link.worker, message.pid))

    # Writing: never blocks; what the socket does not take waits in the backlog.

    def _send(self, link: _Link, message: msgspec.Struct) -> None:
        data = memoryview(wire.frame(message))
        if not link.backlog:
            data = data[self._write(link, data) :]
            if not data:
                return
            self._loop.watch(link.socket.fileno(), lambda: self._ready(link), write=True)
        link.backlog.append(data)

    def _drain(self, link: _Link) -> None:
        while link.backlog:
            data = link.backlog[0]
            sent = self._write(link, data)
            if sent < len(data):
                link.backlog[0] = data[sent:]
                return
            link.backlog.popleft()
        self._loop.watch(link.socket.fileno(), lambda: self._ready(link))

    def _write(self, link: _Link, data: memoryview) -> int:
        try:
            return link.socket.send(data)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return 0  # full: poll tells when to go on; broken: the guard tells what happened


def _tail(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace").strip().rpartition("\n")[2]
    return ""
