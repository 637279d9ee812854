"""Where the head of a queue should run: now, later, or on a node that is kept free for it."""

from __future__ import annotations

from collections.abc import Mapping

from pilot_quantum.resource.slots import Amounts, Node
from pilot_quantum.task import explain
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.policy import Candidate, Policy
from pilot_quantum.task.pool import PilotView, Reservation, predicted_start
from pilot_quantum.task.queues import Queue

Reservations = dict[tuple[str, int], Reservation]
"""(pilot, node) -> what it is kept free for, within one scheduling pass."""


class Placement:
    """Finds places on `pilots`, a live view of the core's."""

    def __init__(self, policy: Policy, pilots: Mapping[str, PilotView]) -> None:
        self._policy = policy
        self._pilots = pilots

    def find(self, queue: Queue, reserved: Reservations, now: float) -> Candidate | None:
        """Where the head of `queue` should start now; None when nowhere, or when waiting ends sooner."""
        candidates = []
        for index, choice in enumerate(queue.key.choices):
            amounts = amounts_of(choice.needs)
            for pilot in self._able(choice.needs):
                seconds = queue.durations.predict(pilot.id, index)
                if pilot.ends_at is not None and explain.too_short(pilot, seconds, now):
                    continue
                end = None if seconds is None else now + seconds
                for node in pilot.nodes:
                    if not node.holds(amounts):
                        continue
                    kept = reserved.get((pilot.id, node.index)) if reserved else None
                    if kept is None or kept.admits(node, amounts, end):
                        candidates.append(Candidate(pilot.id, node.index, index, end, node.idle, pilot.given))
        if not candidates:
            return None
        chosen = self._policy.place(queue, candidates)
        return None if self._waiting_is_better(queue, chosen, now) else chosen

    def reserve(self, queue: Queue, reserved: Reservations, now: float) -> list[Bundle]:
        """Keep the node free where the head of `queue`, which fits nowhere now, can start first.

        A reservation sticks to its node until the head has started; else two nodes could be drained and filled in
        turn for ever. Returns the bundles there whose tails should be asked back: those that were there before.
        """
        best: tuple[float, PilotView, Node, Amounts] | None = None
        for choice in queue.key.choices:
            amounts = amounts_of(choice.needs)
            for pilot in self._able(choice.needs):
                for node in pilot.nodes:
                    if (pilot.id, node.index) in reserved or node.holds(amounts):
                        continue  # held back by choice (reservation, time left, a faster pilot), not by lack of room
                    start = predicted_start(pilot, node, amounts, now)
                    order = -1.0 if queue.reserved == (pilot.id, node.index) else start
                    order = float("inf") if order is None else order
                    if best is None or order < best[0]:
                        best = (order, pilot, node, amounts)
        if best is None:
            return []
        _, pilot, node, amounts = best
        place = (pilot.id, node.index)
        reserved[place] = Reservation(amounts, predicted_start(pilot, node, amounts, now))
        if queue.reserved == place:
            return []
        queue.reserved = place
        return [b for b in pilot.on_node(node.index) if b.recheck and b.queue.key.priority <= queue.key.priority]

    def places(self, queue: Queue) -> int:
        """How many tasks of `queue` could run at once on all live pilots."""
        return sum(
            max((p.places(choice.needs) for choice in queue.key.choices if p.fit(choice.needs)), default=0)
            for p in self._pilots.values()
            if p.live
        )

    def room_for(self, queue: Queue) -> bool:
        """Whether a task of `queue` could start somewhere now, reservations aside."""
        return any(
            node.holds(amounts_of(choice.needs))
            for choice in queue.key.choices
            for pilot in self._able(choice.needs)
            for node in pilot.nodes
        )

    def _able(self, needs: Needs) -> list[PilotView]:
        return [pilot for pilot in self._pilots.values() if pilot.live and pilot.fit(needs)]

    def _waiting_is_better(self, queue: Queue, candidate: Candidate, now: float) -> bool:
        """Whether a busy, faster pilot would end all of `queue` before one task would end at `candidate`."""
        if candidate.finish is None or len(self._pilots) == 1:
            return False
        slow = candidate.finish - now
        for index, choice in enumerate(queue.key.choices):
            for pilot in self._able(choice.needs):
                fast = queue.durations.predict(pilot.id, index)
                if pilot.id == candidate.pilot or not pilot.bundles or fast is None or 2 * fast > slow:
                    continue
                busy = [bundle.remaining(now) for bundle in pilot.bundles.values()]
                free_in = max((left for left in busy if left is not None), default=0.0)
                rounds = -(-len(queue) // pilot.places(choice.needs))
                if None not in busy and free_in + rounds * fast < slow:
                    return True
        return False


_AMOUNTS: dict[Needs, Amounts] = {}


def amounts_of(needs: Needs) -> Amounts:
    """What `needs` take of a node; remembered, as few different needs exist."""
    amounts = _AMOUNTS.get(needs)
    if amounts is None:
        amounts = _AMOUNTS[needs] = Amounts(needs.cores, needs.gpus, needs.qpus, needs.memory)
    return amounts
