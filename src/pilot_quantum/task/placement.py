"""Where the head of a queue should run: now, later, or on nodes that are kept free for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.needs import Demand
from pilot_quantum.task.nodes import Place
from pilot_quantum.task.policy import Candidate, Policy
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue
from pilot_quantum.task.reservation import Hold, Holds

_NEVER = float("inf")


class Placement:
    """Finds places on `pilots`, a live view of the core's."""

    def __init__(self, policy: Policy, pilots: Mapping[str, PilotView]) -> None:
        self.holds = Holds()
        self._policy = policy
        self._pilots = pilots
        self._homes: dict[str, tuple[str, int, str]] = {}
        """affinity -> the (pilot, node, worker) that ran it last."""

    def find(self, queue: Queue, now: float) -> Candidate | None:
        """Where the head of `queue` should start now; None when nowhere, or when waiting ends sooner."""
        candidates: list[Candidate] = []
        holds = self.holds
        for index, wanted in enumerate(queue.demands):
            amounts = wanted.amounts
            for pilot in self._pilots.values():
                if not pilot.live or pilot.free < amounts.cores:
                    continue
                seconds = queue.durations.predict(pilot.id, index)
                end = None if seconds is None else now + seconds + pilot.latency.turn
                if wanted.nodes > 1:
                    candidates += self._gangs(queue, index, pilot, end, seconds, now)
                    continue
                for node in pilot.suited(wanted):
                    if not node.holds(amounts) or (node.ends_at is not None and not node.time_for(seconds, now)):
                        continue
                    hold = holds.on(pilot.id, node.index) if holds else None
                    if hold is None or hold.admits(queue, node, amounts, end, now):
                        candidates.append(Candidate(pilot.id, node.index, index, end, node.idle, pilot.given))
        if not candidates:
            return None
        if queue.key.near:
            candidates = self._near(queue.key.near, candidates) or candidates
        if queue.key.affinity is not None and (home := self._at_home(queue.key.affinity, candidates)) is not None:
            return home
        chosen = self._policy.place(queue, candidates)
        return None if self._waiting_is_better(queue, chosen, now) else chosen

    def reserve(self, queue: Queue, now: float) -> list[Bundle]:
        """Keep the nodes free where the head of `queue`, which fits nowhere now, can start first.

        That stands until the head has started; else nodes could be drained and filled in turn for ever. Returns the
        bundles there of which all that has not begun should be asked back.
        """
        hold = self.holds.of(queue)
        if hold is not None:
            if hold.stands(now):
                return []
            self.holds.drop(queue)
        best: tuple[tuple[float, int], Hold] | None = None
        for index, wanted in enumerate(queue.demands):
            for pilot in self._pilots.values():
                for order, nodes in self._sets(queue, index, pilot, wanted, now):
                    if best is None or order < best[0]:
                        best = order, Hold(queue, pilot, nodes, wanted.amounts, index)
        if best is None:
            return []
        hold = best[1]
        self.holds.add(hold)
        found = {bundle.worker: bundle for node in hold.nodes for bundle in node.bundles.values()}
        return [one for one in found.values() if one.queue.key.priority <= queue.key.priority]

    def places(self, queue: Queue) -> int:
        """How many tasks of `queue` could run at once on all live pilots."""
        places = 0
        for pilot in self._pilots.values():
            if pilot.live:
                places += max([pilot.places(wanted) for wanted in queue.demands])
        return places

    def room_for(self, queue: Queue, now: float) -> bool:
        """Whether a task of `queue` could start somewhere now."""
        for index, wanted in enumerate(queue.demands):
            amounts = wanted.amounts
            for pilot in self._pilots.values():
                seconds = queue.durations.predict(pilot.id, index)
                end = None if seconds is None else now + seconds
                for node in pilot.suited(wanted):
                    if node.holds(amounts) and node.time_for(seconds, now):
                        hold = self.holds.on(pilot.id, node.index)
                        if hold is None or hold.admits(queue, node, amounts, end, now):
                            return True
        return False

    # Affinity.

    def settle(self, affinity: str, pilot: str, node: int, worker: str) -> None:
        """What has this affinity returns to `worker` while that is free."""
        self._homes[affinity] = (pilot, node, worker)

    def home(self, affinity: str | None, pilot: str, node: int) -> str | None:
        """The worker of that node to which this affinity returns."""
        home = self._homes.get(affinity) if affinity is not None else None
        return home[2] if home is not None and home[:2] == (pilot, node) else None

    def forget(self, pilot: str, node: int) -> None:
        """A node is gone, and with it all homes there and what was kept free."""
        gone = [affinity for affinity, home in self._homes.items() if home[:2] == (pilot, node)]
        for affinity in gone:
            del self._homes[affinity]
        hold = self.holds.on(pilot, node)
        if hold is not None:
            self.holds.drop(hold.queue)

    def _at_home(self, affinity: str, candidates: list[Candidate]) -> Candidate | None:
        for candidate in candidates:
            worker = self.home(affinity, candidate.pilot, candidate.node)
            if worker is not None and self._pilots[candidate.pilot].nodes[candidate.node].is_idle(worker):
                return candidate
        return None

    def _near(self, allocation: str, candidates: list[Candidate]) -> list[Candidate]:
        """Those in an allocation."""
        return [one for one in candidates if self._pilots[one.pilot].nodes[one.node].group == allocation]

    # Gangs, and nodes to be kept free.

    def _gangs(
        self, queue: Queue, index: int, pilot: PilotView, end: float | None, seconds: float | None, now: float
    ) -> Iterator[Candidate]:
        """For each allocation of `pilot` that has nodes enough free now, those to take."""
        wanted, own = queue.demands[index], self.holds.of(queue)
        amounts = wanted.amounts
        kept = own.nodes if own is not None else ()
        for nodes in _by_group(pilot, wanted):
            free = []
            for node in nodes:
                hold = self.holds.on(pilot.id, node.index)
                if not node.holds(amounts) or not node.time_for(seconds, now):
                    continue
                if hold is None or hold.admits(queue, node, amounts, end, now):
                    free.append(node)
            if len(free) >= wanted.nodes:
                # Those that are kept for it; then the fullest, so that others stay whole.
                free.sort(key=lambda node: (node not in kept, node.idle, node.index))
                taken = tuple(sorted(node.index for node in free[: wanted.nodes]))
                idle = sum(node.idle for node in free)
                yield Candidate(pilot.id, taken[0], index, end, idle, pilot.given, taken)

    def _sets(
        self, queue: Queue, index: int, pilot: PilotView, wanted: Demand, now: float
    ) -> Iterator[tuple[tuple[float, int], tuple[Place, ...]]]:
        """Sets of nodes that could be kept free, each with (when it is predicted to be, how many have no prediction).

        Not those that are free now: there the head is held back by choice (time left, a faster pilot, another's
        reservation), not by lack of room.
        """
        amounts, priority = wanted.amounts, queue.key.priority
        seconds = queue.durations.predict(pilot.id, index)
        for nodes in _by_group(pilot, wanted):
            starts = []
            for node in nodes:
                hold = self.holds.on(pilot.id, node.index)
                if hold is not None and hold.queue.key.priority >= priority:
                    continue
                start = node.free_at(amounts, priority, now)
                if node.time_for(seconds, now if start is None else start):
                    starts.append((_NEVER if start is None else start, node.index, node))
            if wanted.nodes == 1:
                starts = [one for one in starts if not one[2].holds(amounts)]
            starts.sort(key=lambda one: one[:2])
            chosen = starts[: wanted.nodes]
            if len(chosen) < wanted.nodes or all(one[2].holds(amounts) for one in chosen):
                continue
            unknown = sum(one[0] == _NEVER for one in chosen)
            yield (chosen[-1][0], unknown), tuple(sorted((one[2] for one in chosen), key=lambda node: node.index))

    def _waiting_is_better(self, queue: Queue, candidate: Candidate, now: float) -> bool:
        """Whether a busy, faster pilot would end all of `queue` before one task would end at `candidate`."""
        if candidate.finish is None or len(self._pilots) == 1 or candidate.nodes:
            return False
        slow = candidate.finish - now
        for index, wanted in enumerate(queue.demands):
            for pilot in self._pilots.values():
                fast = queue.durations.predict(pilot.id, index)
                if pilot.id == candidate.pilot or not pilot.bundles or fast is None or 2 * fast > slow:
                    continue
                places = pilot.places(wanted)
                if not places or not any(node.time_for(fast, now) for node in pilot.suited(wanted)):
                    continue
                busy = [bundle.remaining(now) for bundle in pilot.bundles.values()]
                free_in = max((left for left in busy if left is not None), default=0.0)
                rounds = -(-len(queue) // places)
                if None not in busy and free_in + rounds * fast < slow:
                    return True
        return False


def _by_group(pilot: PilotView, wanted: Demand) -> list[list[Place]]:
    """The nodes that could hold (a gang's share of) `wanted`, by allocation: a gang stays within one."""
    groups: dict[str, list[Place]] = {}
    for node in pilot.suited(wanted):
        groups.setdefault(node.group, []).append(node)
    return list(groups.values())
