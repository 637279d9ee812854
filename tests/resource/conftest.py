"""A loop of our own, so that guard, workers and engines can be tested without a scheduler."""

from __future__ import annotations

import heapq
import itertools
import pickle
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from pilot_quantum.resource import payload
from pilot_quantum.resource.agent import threads, wire
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.engines.events import EngineEvent, Leftover

M = TypeVar("M")
LIMIT = 30.0
"""Seconds after which a test that hangs fails; nothing is measured with it."""


class HandLoop:
    """Implements `Loop`; runs while a test waits for something."""

    def __init__(self) -> None:
        self.events: list[EngineEvent] = []
        self.leftovers: list[tuple[Leftover, Path, Path]] = []
        self.functions: dict[str, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_count = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()

    @property
    def watched(self) -> int:
        return len(self._selector.get_map())

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask, ready)
        else:
            self._selector.register(fd, mask, ready)

    def unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._timer_count), fn))

    def call_soon(self, fn: Callable[[], None]) -> None:
        self._calls.append(fn)

    def emit(self, event: EngineEvent) -> None:
        self.events.append(event)

    def deliver(self, leftovers: Sequence[Leftover], stdout: Path, stderr: Path) -> None:
        self.leftovers += [(leftover, stdout, stderr) for leftover in leftovers]

    def function(self, digest: str) -> bytes:
        return self.functions[digest]

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Run until `condition` holds."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            for key, _ in self._selector.select(0 if self._calls else 0.02):
                if key.fd in self._selector.get_map():
                    key.data()
            for _ in range(len(self._calls)):
                self._calls.popleft()()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
            if time.monotonic() > deadline:
                raise AssertionError(f"{what or 'it'} did not come; events: {self.events}")

    def of(self, kind: type) -> list[EngineEvent]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> None:
        self._selector.close()


@pytest.fixture
def loop() -> Iterator[HandLoop]:
    loop = HandLoop()
    yield loop
    loop.close()


@pytest.fixture
def guard(loop: HandLoop) -> Iterator[GuardClient]:
    guard = GuardClient(loop)
    yield guard
    guard.close()


class Hand:
    """One worker, held at its link: what an engine does, by hand."""

    def __init__(self, loop: HandLoop, guard: GuardClient, folder: Path, name: str, **environ: str) -> None:
        self._loop = loop
        self.name = name
        self.exits: list[str] = []
        self.messages: list[msgspec.Struct] = []
        self.stdout, self.stderr = folder / f"{name}.out", folder / f"{name}.err"
        self._frames = wire.Frames()
        environ = threads.environment(1, "") | environ
        self.link = guard.start(name, 1, environ, (self.stdout, self.stderr), self.exits.append)
        loop.watch(self.link.fileno(), self._read)

    def _read(self) -> None:
        data = self.link.recv(1 << 20)
        if not data:
            self._loop.unwatch(self.link.fileno())
        self.messages += [wire.decode_from_worker(body) for body in self._frames.feed(data)]

    def send(self, *messages: msgspec.Struct) -> None:
        self.link.sendall(b"".join(wire.frame(message) for message in messages))

    def give(self, fn: Callable[..., object], *calls: tuple[object, ...], first: int = 1) -> None:
        """Send `fn` and a bundle of calls; they are tasks `first`, `first` + 1, ... at attempt 1."""
        rows = [(number, 1, payload.dump((args, {})), ()) for number, args in enumerate(calls, first)]
        digest = str(id(fn))
        self.send(wire.Function(digest, payload.dump_code(fn)), wire.Tasks(digest, 1, "", rows))

    @property
    def pid(self) -> int:
        self._loop.until(lambda: self.of(wire.Hello), f"worker {self.name}'s Hello")
        return self.of(wire.Hello)[0].pid

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def rows(self) -> list[wire.DoneRow]:
        return [row for report in self.of(wire.Report) for row in report.rows]

    @property
    def began(self) -> list[tuple[int, int]]:
        return [report.began[:2] for report in self.of(wire.Report) if report.began is not None]

    def results(self, count: int) -> dict[int, object]:
        """The values, or the pickled errors' texts, of `count` tasks."""
        self._loop.until(lambda: len(self.rows) >= count, f"{count} outcomes")
        return {row[0][0]: pickle.loads(row[1]) if row[0][4] else pickle.loads(row[1])[1:3] for row in self.rows}


@pytest.fixture
def start(loop: HandLoop, guard: GuardClient, tmp_path: Path) -> Iterator[Callable[..., Hand]]:
    hands: list[Hand] = []

    def start(**environ: str) -> Hand:
        hands.append(Hand(loop, guard, tmp_path, f"w{len(hands)}", **environ))
        return hands[-1]

    yield start
    for hand in hands:
        loop.unwatch(hand.link.fileno())
        hand.link.close()
