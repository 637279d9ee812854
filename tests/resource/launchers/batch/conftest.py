"""A loop of its own thread, agents that are none, and what a launcher said about allocations."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.launchers.protocol import Request

DEADLINE = 60.0


class LoopThread:
    """Runs calls and timers on one thread, as the reactor does."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._stopped = False
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def call_soon(self, fn: Callable[[], None]) -> None:
        self.call_later(0, fn)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        with self._changed:
            self._count += 1
            heapq.heappush(self._timers, (time.monotonic() + delay, self._count, fn))
            self._changed.notify_all()

    def ask(self, fn: Callable[[], Any], timeout: float = DEADLINE) -> Any:
        """Call on the loop's thread, and wait for the answer."""
        answer: list[Any] = []
        ready = threading.Event()

        def call() -> None:
            try:
                answer.append(fn())
            finally:
                ready.set()

        self.call_soon(call)
        assert ready.wait(timeout), "the loop does not answer"
        return answer[0]

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(DEADLINE)
        assert not self.errors, self.errors

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._timers or self._timers[0][0] > time.monotonic()):
                    pause = self._timers[0][0] - time.monotonic() if self._timers else None
                    self._changed.wait(pause)
                if self._stopped:
                    return
                fn = heapq.heappop(self._timers)[2]
            try:
                fn()
            except BaseException as error:
                self.errors.append(error)


class Agent:
    """The session's end of an agent that does not exist."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.hello: Callable[[], None] = lambda: None
        self.broke: Callable[[str], None] = lambda cause: None

    def on_hello(self, callback: Callable[[], None]) -> None:
        self.hello = callback

    def on_break(self, callback: Callable[[str], None]) -> None:
        self.broke = callback

    def on_end(self, callback: Callable[[], None]) -> None:
        self.end = callback

    def gone(self, cause: str, failed: bool) -> None:
        self.said.append(("gone", cause, failed))

    def lost(self, cause: str) -> None:
        self.said.append(("lost", cause))


@dataclass
class Config:
    content: bytes = b'{"token": "SECRET-OF-THE-TEST"}'

    def to_json(self) -> bytes:
        return self.content


class Agents:
    """A reception that receives nobody."""

    def __init__(self) -> None:
        self.made: dict[str, Agent] = {}
        self.addresses: list[str | None] = []

    def engine(self, request: Request) -> Agent:
        return self.made.setdefault(request.allocation, Agent())

    def config(self, request: Request, address: str | None) -> Config:
        self.addresses.append(address)
        return Config()


@dataclass
class Story:
    """What was told of allocations; waits for more."""

    moves: dict[str, list[tuple[AllocationState, str]]] = field(default_factory=dict)
    ends: dict[str, tuple[str, bool]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def moved(self, allocation: str, state: AllocationState, cause: str = "") -> None:
        with self.changed:
            assert allocation not in self.ends, "moved after its end"
            self.moves.setdefault(allocation, []).append((state, cause))
            self.changed.notify_all()

    def ended(self, allocation: str, cause: str, failed: bool) -> None:
        with self.changed:
            assert allocation not in self.ends, "ended twice"
            self.ends[allocation] = (cause, failed)
            self.changed.notify_all()

    def states(self, allocation: str) -> list[str]:
        states = [state.value for state, _ in self.moves.get(allocation, [])]
        return [state for index, state in enumerate(states) if index == 0 or states[index - 1] != state]

    def until(self, condition: Callable[[Story], bool], timeout: float = DEADLINE) -> Story:
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), timeout), (self.moves, self.ends)
        return self

    def end(self, allocation: str) -> tuple[str, bool]:
        return self.until(lambda story: allocation in story.ends).ends[allocation]


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    yield loop
    loop.stop()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def agents() -> Agents:
    return Agents()
