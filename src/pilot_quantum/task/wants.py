"""What would let more tasks run: said once, and again when it changes by much; and asked for by who grows pilots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.elastic import Work
from pilot_quantum.task.instructions import CapacityWanted
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Choice, Queue


class Wants:
    """Follows the lengths of queues."""

    def __init__(self, pilots: Mapping[str, PilotView], outbox: Outbox) -> None:
        self._pilots = pilots
        self._outbox = outbox
        self.changed: dict[Queue, None] = {}
        """Queues whose length may have changed since capacity was last asked for."""

    def look_at(self, queue: Queue, anew: bool = False) -> None:
        """The queue has changed; `anew`: so much that it has to be said again if anything waits."""
        self.changed[queue] = None
        if anew:
            queue.wanted = 0

    def say(self) -> None:
        """Ask for capacity, or say that it is no longer wanted."""
        for queue in self.changed:
            amount = len(queue)
            if bool(amount) == bool(queue.wanted) and queue.wanted / 2 <= amount <= queue.wanted * 2:
                continue
            queue.wanted = amount
            needs = queue.key.choices[0].needs
            if not amount:
                self._outbox.add(CapacityWanted(needs, 0, "nothing waits any more"))
                continue
            each, waiting = queue.durations.typical, max(0.0, self._outbox.now - queue.waiting_since())
            lack = f", and no pilot has {needs}" if queue.starved else " for a free slot"
            reason = f"{amount} tasks of {queue.key.label} wait{lack}"
            self._outbox.add(CapacityWanted(needs, amount, reason, None if each is None else amount * each, waiting))

    def backlog(self, queues: Iterable[Queue], now: float) -> list[Work]:
        """What waits: for each queue and each way to run it, the pilots that could (with more nodes, perhaps)."""
        work = []
        for queue in queues:
            if not len(queue):
                continue
            told: set[str] = set()
            for choice in queue.key.choices:
                able = {pilot.id for pilot in self._pilots.values() if pilot.live and _could(pilot, choice)} - told
                if able:
                    work.append(_work(queue, choice, able, now))
                told |= able
            if not told:
                work.append(_work(queue, queue.key.choices[0], told, now))
        return work


def _work(queue: Queue, choice: Choice, able: set[str], now: float) -> Work:
    needs = choice.needs
    amounts = Capacity(1, needs.cores, needs.gpus, needs.qpus, needs.memory, needs.capabilities)
    since = min(now, queue.waiting_since())
    return Work(len(queue), needs.nodes, amounts, queue.durations.typical, since, frozenset(able))


def _could(pilot: PilotView, choice: Choice) -> bool:
    needs = choice.needs if choice.needs.nodes == 1 else replace(choice.needs, nodes=1)
    return bool(pilot.fit(needs))
