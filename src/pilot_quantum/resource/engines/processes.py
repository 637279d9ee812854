"""The engine `processes`: long-lived worker processes on one host, each on a socket pair of its own."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pilot_quantum.resource.agent import threads, wire
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    Loop,
    NodeUp,
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
        self.complaint = ""
        """What it said that kept it from starting."""
        self.running: tuple[int, int] | None = None
        """The (task, attempt) that it runs, where that is known: announced, or shipped alone."""
        self.given_up: tuple[int, int] | None = None
        """The one whose output has been handed over as that of a lost attempt: should it still end, it is too late."""
        self.gang: tuple[int, ...] = ()
        """The nodes of the gang that it leads."""
        self.told = (_size(stdout), _size(stderr))
        """How far its output belongs to attempts that have been reported."""
        link.setblocking(False)


@dataclass(frozen=True, slots=True)
class Place:
    """The node that an engine is on, among others of its pilot.

    prefix: with which its workers' names begin. places: "name=address" of the pilot's nodes, for gangs that it leads.
    sweep: called with the mark of a gang's lead and the gang's nodes when the lead has ended before its task.
    """

    prefix: str
    node: int = 0
    capacity: Capacity | None = None
    host: str = "localhost"
    group: str = ""
    places: Mapping[int, str] = field(default_factory=dict)
    sweep: Callable[[str, Sequence[int]], None] = lambda mark, nodes: None


class ProcessesEngine:
    """Runs the tasks of one node of a pilot. Implements `Engine`.

    place: which node; by default the only one of a local pilot.
    """

    def __init__(
        self,
        pilot: str,
        cores: int,
        gpus: tuple[str, ...],
        guard: GuardClient,
        loop: Loop,
        output: Path,
        place: Place | None = None,
    ) -> None:
        self._pilot = pilot
        self._place = place or Place(f"{pilot}/")
        self._names = [f"{self._place.prefix}{index}" for index in range(cores)]
        self._gpus = gpus
        self._guard = guard
        self._loop = loop
        self._output = output
        self._links: dict[str, _Link] = {}
        self._generation = 0
        self._stillborn = 0
        self._ended = False

    def start(self) -> None:
        """Announce the node, and fork the workers."""
        self._guard.on_loss(self._guard_lost)
        place = self._place
        capacity = place.capacity or Capacity(1, len(self._names), len(self._gpus))
        self._loop.emit(NodeUp(self._pilot, place.node, capacity, place.host, place.group))
        for name in self._names:
            if self._fork(name) is None:
                return

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker; a worker whose process has seen other GPUs gets a new process first."""
        link = self._links.get(shipment.worker)
        if link is None:
            return  # the engine has just ended, and its event is on its way
        gpus = ",".join(self._gpus[index] for index in shipment.gpus)
        if link.gpus is not None and link.gpus != gpus:
            self._guard.kill(link.worker, link.generation)
            self._forget(link)
            link = self._fork(shipment.worker)
            if link is None:
                return
        link.gpus = gpus
        link.gang = shipment.nodes
        link.running = shipment.parcels[0][:2] if len(shipment.parcels) == 1 else None
        if shipment.function not in link.functions:
            link.functions.add(shipment.function)
            self._send(link, wire.Function(shipment.function, self._loop.function(shipment.function)))
        hosts = [self._place.places.get(node, "localhost=127.0.0.1") for node in shipment.nodes]
        self._send(link, wire.Tasks(shipment.function, shipment.cores, gpus, list(shipment.parcels), hosts))

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
            self._deliver_lost(link)  # now: the task that is being ended may be resolved before the process is gone
            self._guard.kill(worker, link.generation)
            self._sweep(link)

    def stop(self, cause: str) -> None:
        """End all workers at once."""
        self._end(cause, failed=False)

    def _fork(self, name: str) -> _Link | None:
        """A new process for the worker `name`; None, and the end of the engine, when there is no descriptor for it."""
        self._generation += 1
        stem = name.replace("/", "-")
        output = self._output / f"{stem}.out", self._output / f"{stem}.err"

        def on_exit(how: str) -> None:
            if self._links.get(name) is link:
                self._died(link, how)

        try:
            ours = self._guard.start(name, self._generation, threads.environment(1, ""), output, on_exit)
        except OSError as error:
            self._end(f"worker {name} cannot be started: {error}", failed=True)
            return None
        link = _Link(name, self._generation, ours, *output)
        self._links[name] = link
        self._loop.watch(link.socket.fileno(), lambda: self._ready(link))
        return link

    def _died(self, link: _Link, how: str) -> None:
        self._read(link)  # what it reported before it died
        self._deliver_lost(link)
        self._sweep(link)
        self._forget(link)
        if link.ready or link.gpus is not None:  # it was announced, it or the process in whose place it came
            self._loop.emit(WorkerLost(self._pilot, link.worker, link.doomed or how))
        if not link.ready and not link.doomed:
            self._stillborn += 1
            if self._stillborn >= _STILLBORN:
                words = f", saying: {link.complaint}" if link.complaint else ""
                self._end(f"its workers cannot start: the last {how}{words}", failed=True)
                return
        self._fork(link.worker)

    def _sweep(self, link: _Link) -> None:
        """End the ranks of the gang that a lost worker led."""
        if link.gang:
            self._place.sweep(self._guard.mark(link.worker, link.generation), link.gang)
            link.gang = ()

    def _deliver_lost(self, link: _Link) -> None:
        """Hand over what the attempt has printed that will not report any more."""
        if link.running is None:
            return
        link.given_up, link.running = link.running, None
        task, attempt = link.given_up
        (out, err), link.told = link.told, (_size(link.stdout), _size(link.stderr))
        lost = (task, attempt, 0.0, 0.0, False)
        self._loop.deliver([(lost, b"", (out, link.told[0], err, link.told[1]))], link.stdout, link.stderr)

    def _forget(self, link: _Link) -> None:
        self._loop.unwatch(link.socket.fileno())
        link.socket.close()
        self._links.pop(link.worker, None)

    def _guard_lost(self, cause: str) -> None:
        self._end(cause, failed=True)

    def _end(self, cause: str, failed: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._guard.off_loss(self._guard_lost)
        for link in list(self._links.values()):
            self._read(link)  # what has ended is not to be lost
            self._deliver_lost(link)
            self._guard.kill(link.worker, link.generation)
            self._sweep(link)
            self._forget(link)
        self._loop.emit(EngineEnded(self._pilot, cause, failed, self._place.group))

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
            try:
                for message in link.frames.feed(data):
                    self._take(link, wire.decode_from_worker(message))
            except (ValueError, msgspec.DecodeError) as error:  # ValueError: no frame, or no text where one should be
                self._loop.unwatch(link.socket.fileno())
                link.doomed = f"what it sent is no message ({error}): a task has written to its worker's socket"
                self._guard.kill(link.worker, link.generation)
                return
            if len(data) < _CHUNK:
                return

    def _take(self, link: _Link, message: wire.Hello | wire.Report | wire.Withdrawn | wire.Stillborn) -> None:
        if isinstance(message, wire.Report):
            rows = message.rows
            if link.given_up is not None:
                rows = [row for row in rows if row[0][:2] != link.given_up]
            if rows:
                self._loop.deliver(rows, link.stdout, link.stderr)
                self._loop.emit(Outcomes(self._pilot, link.worker, [row[0] for row in rows]))
                self._follow(link, rows)
            if message.began is not None:
                link.running = message.began[:2]
                self._loop.emit(Began(self._pilot, link.worker, *message.began))
        elif isinstance(message, wire.Withdrawn):
            if link.running in message.items:
                link.running = None
            self._loop.emit(Revoked(self._pilot, link.worker, message.items))
        elif isinstance(message, wire.Stillborn):
            link.complaint = message.why
        else:
            self._stillborn, link.ready = 0, True
            self._loop.emit(WorkerUp(self._pilot, link.worker, message.pid, self._place.node))

    def _follow(self, link: _Link, rows: Sequence[wire.DoneRow]) -> None:
        """Keep account of what runs, and of whose the output is so far."""
        for outcome, _, output in rows:
            if output is not None:
                link.told = output[1], output[3]
            if link.running is not None and link.running == outcome[:2]:
                link.running, link.gang = None, ()

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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not made yet, or removed
        return 0
