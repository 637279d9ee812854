"""The scheduling pass: what starts now and where, what is kept free, and what is moved so that no slot starves."""

from __future__ import annotations

import heapq
import itertools

from pilot_quantum.task import bundle as bundles
from pilot_quantum.task.book import Book
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.instructions import Ship
from pilot_quantum.task.nodes import Place
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.placement import Placement
from pilot_quantum.task.policy import Candidate
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue, QueueKey, before
from pilot_quantum.task.ready import Ready
from pilot_quantum.task.wants import Wants

_AHEAD = 2
"""A worker gets more when what it has is predicted to last for so many ways there and back."""
_WORTH = 25
"""Tasks that last for more such ways gain nothing by that."""


class Dispatch:
    """Ships the heads of ready queues to free places, one pass in each call of `handle`."""

    def __init__(
        self,
        pilots: dict[str, PilotView],
        queues: dict[QueueKey, Queue],
        ready: Ready,
        placement: Placement,
        book: Book,
        outbox: Outbox,
        wants: Wants,
    ) -> None:
        self._pilots = pilots
        self._queues = queues
        self._ready = ready
        self._placement = placement
        self._book = book
        self._outbox = outbox
        self._wants = wants
        self.gangs: dict[Queue, None] = {}
        """Queues whose tasks take several nodes."""
        self._thin: list[Bundle] = []
        """Bundles that may soon be empty."""
        self._due: list[tuple[float, int, Bundle]] = []
        """When distant workers are to get more, before they are at their last task."""
        self._numbers = itertools.count()

    @property
    def idle(self) -> bool:
        """Whether a core-slot could take a task now. Asked several times in each pass: no generator, no sum."""
        for pilot in self._pilots.values():  # noqa: SIM110
            if pilot.live and pilot.free:
                return True
        return False

    def schedule(self) -> None:
        """Place what can be placed, in the order of the queues' ranks."""
        holds, now = self._placement.holds, self._outbox.now
        if holds:
            for hold in holds:
                hold.refresh()
                if not len(hold.queue):
                    holds.drop(hold.queue)
        blocked: list[Queue] = []
        while self._ready and self.idle:
            queue = self._ready.pop()
            if queue is None:
                break
            candidate = self._placement.find(queue, now)
            if candidate is None:
                blocked.append(queue)
                self._reserve(queue)
                continue
            held = holds.of(queue) is not None
            self._ship(queue, candidate)
            self._ready.push(queue)
            if held:  # what was kept free may be what an older one, found blocked before, waits for
                blocked = self._push(blocked)
        if self.gangs:
            blocked += self._prepare()
        if self._thin or self._due:
            self._top_up()
        self._push(blocked)
        if self._book.bundle_of:
            self._rebalance()

    def heard(self, bundle: Bundle) -> None:
        """A worker has less than before: it may have to get more."""
        self._thin.append(bundle)

    def given_back(self, pilot: PilotView, bundle: Bundle) -> None:
        """A worker has answered a request: ask for the rest too if its node has come to be kept free meanwhile."""
        hold = self._placement.holds.on(pilot.id, bundle.slot.node)
        if hold is not None and not bundle.swept and bundle.queue.key.priority <= hold.queue.key.priority:
            self._outbox.revoke_tail(bundle, len(bundle.left) - 1)

    def _push(self, queues: list[Queue]) -> list[Queue]:
        for queue in queues:
            self._ready.push(queue)
        return []

    # What is kept free.

    def _reserve(self, queue: Queue) -> None:
        if not queue.wide:
            return  # the first slot that frees is enough for it
        for bundle in self._placement.reserve(queue, self._outbox.now):
            if bundle.recheck and not bundle.ending:
                self._outbox.revoke_tail(bundle, len(bundle.left) - 1)

    def _prepare(self) -> list[Queue]:
        """Gangs that head their priority level reserve nodes, also while nothing is free that could bring their turn.

        Returns those that stood first in the line: they need not keep others from places that are not theirs.
        """
        for queue in self.gangs:
            if len(queue) and self._heads(queue):
                self._reserve(queue)
        passed: list[Queue] = []
        while (first := self._ready.first) is not None and first.gang and self._placement.holds.of(first) is not None:
            self._ready.pop()
            passed.append(first)
        return passed

    def _heads(self, queue: Queue) -> bool:
        """Whether no task of its priority is older than the head of `queue`."""
        level = queue.key.priority
        if queue.ahead is not None and len(queue.ahead) and before(queue.ahead, queue):
            return False
        queue.ahead = None
        if self._placement.holds.of(queue) is not None:
            return True
        for other in self._queues.values():
            if other.key.priority == level and other is not queue and not other.starved and before(other, queue):
                queue.ahead = other
                return False
        return True

    # What is shipped.

    def _ship(self, queue: Queue, candidate: Candidate) -> None:
        pilot = self._pilots[candidate.pilot]
        node = pilot.nodes[candidate.node]
        seconds = queue.durations.predict(pilot.id, candidate.choice)
        holds, now = self._placement.holds, self._outbox.now
        hold = holds.on(pilot.id, node.index) if holds else None
        count = 1
        if len(queue) > 1 and (hold is None or hold.queue is queue):
            count = bundles.size(queue, seconds, self._placement.places(queue), pilot.latency.turn)
            count = max(1, _ending_in_time(node, count, seconds, now))
        solitary = queue.single or bool(queue.alone)
        left = self._take(queue, count)
        if not left:
            return
        if holds:
            holds.drop(queue)
        affinity = queue.key.affinity
        prefer = self._placement.home(affinity, pilot.id, node.index) if affinity is not None else None
        slot = pilot.take(candidate.nodes or (node.index,), queue.demands[candidate.choice].amounts, prefer)
        bundle = Bundle(queue, pilot.id, slot, candidate.choice, left, now, solitary)
        pilot.hold(bundle)
        self._send(bundle, left)
        if affinity is not None:
            self._placement.settle(affinity, pilot.id, node.index, bundle.worker)
        if pilot.latency.turn >= bundles.EARLY:
            self._plan(bundle, seconds, pilot.latency.turn)

    def _send(self, bundle: Bundle, items: dict[int, int]) -> None:
        self._book.ship(bundle, items, self._outbox.now)
        self._wants.changed[bundle.queue] = None
        key, slot = bundle.queue.key, bundle.slot
        choice, nodes = key.choices[bundle.choice], slot.nodes if slot.more else ()
        function, cores, rows = choice.function, choice.needs.cores, list(items.items())
        self._outbox.add(Ship(bundle.pilot, bundle.worker, function, cores, slot.gpus, rows, nodes, key.keep_remote))

    def _take(self, queue: Queue, count: int) -> dict[int, int]:
        """The next `count` tasks of `queue` with their attempt numbers; one at most if it must run alone."""
        source = queue.alone or queue.ready
        left: dict[int, int] = {}
        queued, attempts = self._book.queued, self._book.attempts
        while source and len(left) < count:
            task = source.popleft()
            if queued.pop(task, None) is None:
                queue.withdrawn -= 1
                continue
            left[task] = attempts(task) + 1
        return left

    # More for workers that will soon have nothing.

    def _plan(self, bundle: Bundle, seconds: float | None, turn: float) -> None:
        """Look at a distant worker again when it has just so much left that more will come in time."""
        if seconds is None or bundle.solitary or seconds > max(bundles.TARGET, _WORTH * turn):
            return
        self._look_again(bundle, max(self._ends(bundle, seconds) - _AHEAD * turn, self._outbox.now + turn / 4))

    def _look_again(self, bundle: Bundle, at: float) -> None:
        bundle.due = at
        heapq.heappush(self._due, (at, next(self._numbers), bundle))

    def _top_up(self) -> None:
        """Give workers that are at the end of what they have more of the same, so that they need not wait for it.

        Near ones (those that answer at once) at their last short task; distant ones as much earlier as words travel.
        Only while the queue is the next to be served anyway and longer than the slots there are: what is left at the
        end, and what has to run alone, stays unbound until a slot is free.
        """
        now = self._outbox.now
        while self._due and self._due[0][0] <= now:
            at, _, bundle = heapq.heappop(self._due)
            if bundle.due == at and bundle.left:
                self._thin.append(bundle)
        thin, self._thin = self._thin, []
        for bundle in thin:
            if not bundle.left or bundle.solitary or bundle.ending:
                continue
            pilot = self._pilots[bundle.pilot]
            turn = pilot.latency.turn
            near = turn < bundles.EARLY
            if near and len(bundle.left) != 1:
                continue
            seconds = bundle.queue.durations.predict(pilot.id, bundle.choice)
            if seconds is None or seconds > (bundles.TARGET if near else max(bundles.TARGET, _WORTH * turn)):
                continue
            if near or len(bundle.left) == 1 or self._ends(bundle, seconds) <= now + _AHEAD * turn:
                self._add(bundle, pilot, seconds, turn)
            if not near:
                self._plan_again(bundle, seconds, turn)
        if self._due:
            self._outbox.wake(self._due[0][0])

    def _add(self, bundle: Bundle, pilot: PilotView, seconds: float, turn: float) -> None:
        queue, node, now = bundle.queue, pilot.nodes.get(bundle.slot.node), self._outbox.now
        if queue.alone or not pilot.live or node is None or node.draining or self._ready.first is not queue:
            return
        places = self._placement.places(queue)
        if len(queue) <= places:
            return
        hold = self._placement.holds.on(pilot.id, node.index)
        if hold is not None and hold.queue.key.priority >= queue.key.priority:
            return
        count = bundles.size(queue, seconds, places, turn)
        count = _ending_in_time(node, count, seconds, max(now, self._ends(bundle, seconds)))
        more = self._take(queue, count) if count else {}
        if more:
            bundle.add(more)
            self._send(bundle, more)
            self._ready.push(queue)

    def _plan_again(self, bundle: Bundle, seconds: float, turn: float) -> None:
        ahead = self._ends(bundle, seconds) - self._outbox.now
        if ahead > _AHEAD * turn:
            self._plan(bundle, seconds, turn)
        elif len(bundle.queue) and ahead > turn / 2:  # it was not its turn: a second look while it is not too late
            self._look_again(bundle, self._outbox.now + turn / 4)

    def _ends(self, bundle: Bundle, seconds: float) -> float:
        """When the worker is predicted to have nothing left."""
        return bundle.touched + len(bundle.left) * (seconds + bundles.OVERHEAD)

    # What is moved.

    def _rebalance(self) -> None:
        """Where slots idle, ask back tails of bundles that take, or will take, longer than a move."""
        if not self.idle:
            return
        now, heavy = self._outbox.now, []
        for pilot in self._pilots.values():
            if not pilot.bundles:
                continue
            patience = max(bundles.TARGET, 2 * pilot.latency.turn)
            for bundle in pilot.bundles.values():
                if len(bundle.left) < 2 or not bundle.recheck or bundle.ending:
                    continue
                due = bundle.touched + patience
                if due > now and (bundle.remaining(now, len(bundle.left) - 1) or 0.0) <= patience:
                    self._outbox.wake(due)
                elif self._placement.room_for(bundle.queue, now):
                    heavy.append(bundle)
        if not heavy:
            return
        idle = sum(pilot.idle for pilot in self._pilots.values())
        heavy.sort(key=lambda bundle: -len(bundle.left))
        donors = heavy[:idle]
        for bundle in donors:
            self._outbox.revoke_tail(bundle, max(1, (len(bundle.left)) * idle // (idle + len(donors))))


def _ending_in_time(node: Place, count: int, seconds: float | None, now: float) -> int:
    """How many of `count` tasks, one after the other from `now` on, end before the node does."""
    if node.ends_at is None or seconds is None or count * seconds <= node.ends_at - now:
        return count
    return int((node.ends_at - now) / seconds)
