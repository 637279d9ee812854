"""An engine whose words travel for a while, on a clock of its own: how busy are its workers?"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import NodeUp, Outcome, Outcomes, Revoked, WorkerUp
from pilot_quantum.task.core import Core
from pilot_quantum.task.events import Event, PilotAnnounced, Submitted
from pilot_quantum.task.instructions import Resolve, Revoke, SetTimer, Ship
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.queues import Choice, QueueKey


class DistantWorker:
    """Runs what has arrived, one after the other; tells of each end, or only when it has nothing left."""

    def __init__(self, world: Distant, pilot: str, name: str, latency: float) -> None:
        self.world = world
        self.pilot = pilot
        self.name = name
        self.latency = latency
        self.items: deque[tuple[int, int]] = deque()
        self.running: tuple[int, int] | None = None
        self.rows: list[Outcome] = []
        self.busy = 0.0
        self.shipments = 0

    def arrive(self, items: Sequence[tuple[int, int]]) -> None:
        self.shipments += 1
        self.items += items
        if self.running is None:
            self._next()

    def withdraw(self, items: Sequence[tuple[int, int]]) -> None:
        taken = [item for item in items if item in self.items]
        for item in taken:
            self.items.remove(item)
        self._say(Revoked(self.pilot, self.name, taken))

    def _next(self) -> None:
        if not self.items:
            return
        self.running = self.items.popleft()
        began, seconds = self.world.now, self.world.seconds(self.running[0])
        self.world.later(seconds, lambda: self._end(began, seconds))

    def _end(self, began: float, seconds: float) -> None:
        assert self.running is not None
        self.busy += seconds
        self.rows.append((*self.running, began, self.world.now, True))
        self.running = None
        if self.world.tells_each or not self.items:
            self._say(Outcomes(self.pilot, self.name, self.rows))
            self.rows = []
        self._next()

    def _say(self, event: Event) -> None:
        self.world.later(self.latency, lambda: self.world.feed(event))


class Distant:
    """Pilots of one-core workers, each with its own latency (seconds each way), and a core that drives them."""

    def __init__(self, seconds: Callable[[int], float], tells_each: bool = True) -> None:
        self.core = Core()
        self.seconds = seconds
        self.tells_each = tells_each
        self.now = 0.0
        self.workers: dict[str, DistantWorker] = {}
        self.done: set[int] = set()
        self.starved = 0.0
        """The longest time for which a worker had nothing while another had more than one task that had not begun."""
        self._rich_since: float | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._timer = float("inf")

    def pilot(self, name: str, workers: int, latency: float) -> None:
        self.feed(PilotAnnounced(name, Capacity(1, workers)), NodeUp(name, 0, Capacity(1, workers)))
        for index in range(workers):
            worker = DistantWorker(self, name, f"{name}/{index}", latency)
            self.workers[worker.name] = worker
            self.feed(WorkerUp(name, worker.name))

    def submit(self, count: int) -> None:
        key = QueueKey("f", (Choice(Needs(), "hash"),))
        self.feed(Submitted(key, 1, range(count), [self.now] * count))

    def later(self, seconds: float, fn: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), fn))

    def feed(self, *events: Event) -> None:
        for instruction in self.core.handle(events, self.now):
            match instruction:
                case Ship():
                    self._send(instruction.pilot, instruction.worker, instruction.items, DistantWorker.arrive)
                case Revoke():
                    self._send(instruction.pilot, instruction.worker, instruction.items, DistantWorker.withdraw)
                case Resolve():
                    self.done.update(one.task for one in instruction.items)
                case SetTimer():
                    self._timer = instruction.at

    def run(self) -> float:
        """Until nothing happens any more: how much of the time the workers were busy."""
        start, before = self.now, sum(worker.busy for worker in self.workers.values())
        while self._events:
            if self._timer <= self._events[0][0]:
                self.now, self._timer = max(self.now, self._timer), float("inf")
                self.feed()
                continue
            self.now, _, fn = heapq.heappop(self._events)
            fn()
            self._look()
        busy = sum(worker.busy for worker in self.workers.values()) - before
        return busy / (self.now - start) / len(self.workers)

    def _send(
        self,
        pilot: str,
        name: str,
        items: Sequence[tuple[int, int]],
        act: Callable[[DistantWorker, Sequence[tuple[int, int]]], None],
    ) -> None:
        worker = self.workers[name]
        self.later(worker.latency, lambda: act(worker, items))

    def _look(self) -> None:
        poor = any(worker.running is None for worker in self.workers.values())
        rich = any(len(worker.items) > 1 for worker in self.workers.values())
        if not (poor and rich):
            self._rich_since = None
        elif self._rich_since is None:
            self._rich_since = self.now
        else:
            self.starved = max(self.starved, self.now - self._rich_since)
