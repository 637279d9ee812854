"""Nodes that are kept free for the head of a queue, from the moment when it heads its priority level until it starts.

Nothing of equal or lower priority starts there, unless it ends before, or leaves what is kept untouched.
"""

from __future__ import annotations

from collections.abc import Iterator

from pilot_quantum.resource.slots import Amounts
from pilot_quantum.task.nodes import Place
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue


class Hold:
    """One or, for a gang, several nodes of a pilot, kept free for the head of `queue`."""

    def __init__(self, queue: Queue, pilot: PilotView, nodes: tuple[Place, ...], amounts: Amounts, choice: int) -> None:
        self.queue = queue
        self.pilot = pilot
        self.nodes = nodes
        self.amounts = amounts
        self.choice = choice
        self._start: tuple[float, float | None] | None = None

    def start(self, now: float) -> float | None:
        """When all of it is predicted to be free; None when somebody's end is unknown. Stays so during a pass."""
        if self._start is None or self._start[0] != now:
            times = [node.free_at(self.amounts, self.queue.key.priority, now) for node in self.nodes]
            known = [time for time in times if time is not None]
            self._start = (now, max(known) if len(known) == len(times) else None)
        return self._start[1]

    def refresh(self) -> None:
        """Predict anew: things have changed."""
        self._start = None

    def stands(self, now: float) -> bool:
        """Whether its nodes still take tasks and have the time, and some of what is kept is not free yet."""
        seconds = self.queue.durations.predict(self.pilot.id, self.choice)
        return (
            self.pilot.live
            and all(self.pilot.nodes.get(node.index) is node and not node.draining for node in self.nodes)
            and all(node.time_for(seconds, now) for node in self.nodes)
            and not all(node.holds(self.amounts) for node in self.nodes)
        )

    def admits(self, queue: Queue, node: Place, amounts: Amounts, end: float | None, now: float) -> bool:
        """Whether a task of `queue`, which would end at `end` (None: unknown), may start on `node`."""
        if queue is self.queue or queue.key.priority > self.queue.key.priority:
            return True
        kept = self.amounts
        if (
            node.idle - amounts.cores >= kept.cores
            and (not amounts.memory or node.memory - amounts.memory >= kept.memory)
            and (not amounts.gpus or len(node.gpus) - amounts.gpus >= kept.gpus)
            and (not amounts.qpus or node.qpus - amounts.qpus >= kept.qpus)
        ):
            return True
        start = self.start(now) if end is not None else None
        return start is not None and end is not None and end < start


class Holds:
    """All that is kept free; a node for one queue at most."""

    def __init__(self) -> None:
        self._by_node: dict[tuple[str, int], Hold] = {}
        self._by_queue: dict[Queue, Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._by_queue)

    def __iter__(self) -> Iterator[Hold]:
        return iter(list(self._by_queue.values()))

    def of(self, queue: Queue) -> Hold | None:
        """What is kept for `queue`."""
        return self._by_queue.get(queue)

    def on(self, pilot: str, node: int) -> Hold | None:
        """For whom a node is kept."""
        return self._by_node.get((pilot, node))

    def add(self, hold: Hold) -> None:
        """Keep nodes free; who had them (only ever of lower priority) has to look elsewhere."""
        self.drop(hold.queue)
        for node in hold.nodes:
            other = self.on(hold.pilot.id, node.index)
            if other is not None:
                self.drop(other.queue)
        self._by_queue[hold.queue] = hold
        self._by_node.update({(hold.pilot.id, node.index): hold for node in hold.nodes})

    def drop(self, queue: Queue) -> None:
        """Keep nothing for `queue` any more."""
        hold = self._by_queue.pop(queue, None)
        if hold is not None:
            for node in hold.nodes:
                del self._by_node[hold.pilot.id, node.index]
