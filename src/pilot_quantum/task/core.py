"""The scheduler's rules, no I/O, no clock: `handle(events, now)` applies events, then makes one pass."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pilot_quantum.errors import TaskTimeoutError
from pilot_quantum.resource.elastic import Work
from pilot_quantum.resource.engines.events import (
    Began,
    CapacityChanged,
    EngineEnded,
    NodesDraining,
    NodesLost,
    NodeUp,
    Outcomes,
    Revoked,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.units import format_seconds
from pilot_quantum.task import explain
from pilot_quantum.task.book import Book, state_in
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.dispatch import Dispatch
from pilot_quantum.task.events import Cancelled, Closing, Event, PilotAnnounced, PilotDraining, Submitted, Timer, Unfed
from pilot_quantum.task.instructions import Instruction, Revoke
from pilot_quantum.task.judge import Judge
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.placement import Placement
from pilot_quantum.task.policy import Policy, PriorityThenEarliestFinish
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue, QueueKey, before
from pilot_quantum.task.ready import Ready
from pilot_quantum.task.returns import Returns
from pilot_quantum.task.roster import Roster
from pilot_quantum.task.state import TaskState
from pilot_quantum.task.wants import Wants

CRASH_BUDGET = 3
"""How many workers a task may take down with it, alone, before it is stopped."""
_QUEUES = 1000
"""Queues kept, with what they have learned, when they are empty; beyond, a new function per task would fill memory."""

_QUEUED, _RUNNING = TaskState.QUEUED, TaskState.RUNNING
_FAILED, _CANCELLED = TaskState.FAILED, TaskState.CANCELLED


class Core:
    """Queues, pilots and what is with whom. Not thread-safe: one driver calls it."""

    def __init__(self, policy: Policy | None = None, crash_budget: int = CRASH_BUDGET) -> None:
        policy = policy or PriorityThenEarliestFinish()
        self._pilots: dict[str, PilotView] = {}
        self._queues: dict[QueueKey, Queue] = {}
        self._queue_numbers = itertools.count()
        self._ready = Ready(policy)
        self._book = Book()
        self._outbox = Outbox(self._book)
        self._wants = Wants(self._pilots, self._outbox)
        self._judge = Judge(self._pilots, self._book, self._outbox, self._wants)
        self._returns = Returns(self._book, self._outbox, crash_budget, self._requeued)
        self._placement = Placement(policy, self._pilots)
        self._dispatch = Dispatch(
            self._pilots, self._queues, self._ready, self._placement, self._book, self._outbox, self._wants
        )
        self._deadlines: list[tuple[float, int, int]] = []
        roster = Roster(self._pilots, self._placement, self._returns, self._outbox, self._rejudge)
        self._rules: dict[type, Callable[[Any], None]] = {
            Submitted: self._submitted,
            Cancelled: self._cancelled,
            Unfed: self._unfed,
            PilotAnnounced: roster.announced,
            PilotDraining: roster.pilot_draining,
            CapacityChanged: roster.capacity_changed,
            NodeUp: roster.node_up,
            NodesDraining: roster.nodes_draining,
            NodesLost: roster.nodes_lost,
            WorkerUp: roster.worker_up,
            WorkerLost: roster.worker_lost,
            EngineEnded: roster.engine_ended,
            Closing: self._close,
            Timer: lambda event: None,
            Began: self._began,
            Outcomes: self._outcomes,
            Revoked: self._revoked,
        }

    # What a driver asks.

    def handle(self, events: Iterable[Event], now: float) -> list[Instruction]:
        """Apply `events`, then schedule once. `now` is monotonic seconds; what comes back is to be done in order."""
        self._outbox.begin(now)
        for event in events:
            self._rules[type(event)](event)
        self._stop_overdue()
        self._judge.judge()
        self._dispatch.schedule()
        self._wants.say()
        self._prune()
        return self._outbox.take()

    @property
    def idle(self) -> bool:
        """Whether a core-slot could take a task now."""
        return self._dispatch.idle

    @property
    def outstanding(self) -> int:
        """Tasks that have not ended."""
        return self._book.outstanding

    @property
    def counts(self) -> Counter[TaskState]:
        """How many tasks are in each state now, or have ended in it."""
        return self._book.counts

    def state(self, task: int) -> TaskState | None:
        """The state of a task that has not ended; None for one that has, or was never submitted."""
        return self._book.state(task)

    def has(self, worker: str, task: int, attempt: int) -> bool:
        """Whether this attempt of a task is with a worker, which is not being ended, and is wanted."""
        bundle = self._book.bundle_of.get(task)
        if bundle is None or bundle.worker != worker or bundle.ending or task in self._book.ghosts:
            return False
        return bundle.left.get(task) == attempt

    def idle_nodes(self, now: float) -> dict[tuple[str, int], float]:
        """(pilot, node) -> monotonic seconds since when nothing has been shipped there or has run there."""
        return {
            (pilot.id, node.index): min(now, node.idle_since)
            for pilot in self._pilots.values()
            for node in pilot.nodes.values()
            if not pilot.ended and not node.bundles
        }

    def backlog(self, now: float) -> list[Work]:
        """What waits, by needs, with the pilots that could run it if they had (more) nodes."""
        return self._wants.backlog(self._queues.values(), now)

    def explain(self, task: int, now: float, stories: Mapping[str, str] = MappingProxyType({})) -> str:
        """In which state the task is, why, on which pilots it could run, and what is missing there.

        stories: pilot -> what it waits for itself.
        """
        state = self.state(task)
        if state is None:
            return f"task {task} has ended, or is not known here."
        if state is not _QUEUED:
            bundle = self._book.bundle_of[task]
            since = f", for {format_seconds(max(0.0, now - bundle.touched))}" if state is _RUNNING else ""
            nodes = f" and nodes {', '.join(map(str, bundle.slot.nodes))}" if bundle.slot.nodes else ""
            return f"task {self._book.label(task, bundle.queue)} is {state} on worker {bundle.worker}{nodes}{since}."
        queue = self._book.queued[task]
        ahead = sum(len(other) for other in self._queues.values() if other is not queue and before(other, queue))
        hold = self._placement.holds.of(queue)
        story = explain.waiting(queue, ahead, list(self._pilots.values()), hold, now, stories)
        return f"task {self._book.label(task, queue)} is {story}"

    # Tasks come and go.

    def _submitted(self, event: Submitted) -> None:
        queue = self._queues.get(event.key)
        if queue is None:
            queue = self._queues[event.key] = Queue(event.key, next(self._queue_numbers))
            queue.group = event.group
            self._judge.doubt(queue)
            if queue.gang:
                self._dispatch.gangs[queue] = None
        self._judge.submitted(queue)
        queue.enter(event.tasks, event.times[0])
        self._book.enter(event, queue)
        self._enqueue(queue)

    def _cancelled(self, event: Cancelled) -> None:
        book, now = self._book, self._outbox.now
        for task in event.tasks:
            queue = book.queued.pop(task, None)
            if queue is not None:
                queue.withdrawn += 1
                book.end(task, queue, book.attempts(task), _QUEUED, _CANCELLED, now, "cancelled")
                continue
            bundle = book.bundle_of.get(task)
            if bundle is None or task in book.ghosts:
                continue
            attempt, state = bundle.left[task], state_in(bundle, task)
            book.end(task, bundle.queue, attempt, state, _CANCELLED, now, "cancelled", bundle)
            if state is _RUNNING:
                book.drop(bundle, task)
                self._outbox.kill(bundle, f"task {task} was cancelled")
            else:
                book.ghosts.add(task)
                self._outbox.add(Revoke(bundle.pilot, bundle.worker, [(task, attempt)]))

    def _unfed(self, event: Unfed) -> None:
        book = self._book
        for task, error in event.items:
            queue = book.queued.pop(task, None)
            if queue is not None:
                queue.withdrawn += 1
                attempt, now = book.attempts(task), self._outbox.now
                book.end(task, queue, attempt, _QUEUED, _FAILED, now, str(error)[:500], error=error)

    def _began(self, event: Began) -> None:
        view = self._pilots.get(event.pilot)
        bundle = view.bundles.get(event.worker) if view else None
        if view is None or bundle is None or bundle.left.get(event.task) != event.attempt:
            return
        if bundle.current == event.task:
            return
        if bundle.fresh:
            bundle.fresh = False
            view.latency.began(bundle.shipped, event.at)
        bundle.current = event.task
        bundle.touched = max(bundle.touched, event.at)
        if event.task in self._book.ghosts:
            self._book.drop(bundle, event.task)
            self._outbox.kill(bundle, f"task {event.task} was cancelled")
            return
        self._book.begin(bundle, event.task, event.attempt, event.at)
        if bundle.queue.key.timeout is not None:
            heapq.heappush(self._deadlines, (event.at + bundle.queue.key.timeout, event.task, event.attempt))

    def _outcomes(self, event: Outcomes) -> None:
        pilot = self._pilots.get(event.pilot)
        bundle = pilot.bundles.get(event.worker) if pilot else None
        if pilot is None or bundle is None:
            for item in event.items:
                self._outbox.forget(item[0], item[1])
            return
        left, ghosts = bundle.left, self._book.ghosts
        done, seconds = [], 0.0
        for task, attempt, began, finished, ok in event.items:
            if left.get(task) != attempt or task in ghosts or not ok:
                self._odd_outcome(bundle, task, attempt, began, finished)
                continue
            del left[task]
            done.append((task, attempt, began, finished))
            seconds += finished - began
        if done:
            if bundle.fresh:
                bundle.fresh = False
                pilot.latency.began(bundle.shipped, done[0][2])
            bundle.touched = finished
            pilot.latency.heard(finished, self._outbox.now)
            self._dispatch.heard(bundle)
            self._book.finish(bundle, done)
            bundle.queue.durations.learn(event.pilot, bundle.choice, seconds / len(done), len(done))
            self._wants.look_at(bundle.queue)
        self._returns.free_if_empty(pilot, bundle)

    def _odd_outcome(self, bundle: Bundle, task: int, attempt: int, began: float, finished: float) -> None:
        """An outcome that is late, doubled, no longer wanted, or a failure."""
        if bundle.left.get(task) != attempt:
            self._outbox.forget(task, attempt)
            return
        bundle.touched = finished
        if task in self._book.ghosts:
            self._book.drop(bundle, task)
            self._outbox.forget(task, attempt)
            return
        queue, retries = bundle.queue, bundle.queue.key.retries
        if bundle.current != task:
            self._book.begin(bundle, task, attempt, began)
        self._book.drop(bundle, task)
        past = self._book.past(task)
        past.failures += 1
        if past.failures <= retries:
            self._outbox.forget(task, attempt)
            self._returns.requeue(task, attempt, _RUNNING, bundle, f"failed; retry {past.failures} of {retries}")
        else:
            self._book.end(task, queue, attempt, _RUNNING, _FAILED, finished, "user code raised", bundle)

    def _revoked(self, event: Revoked) -> None:
        pilot = self._pilots.get(event.pilot)
        bundle = pilot.bundles.get(event.worker) if pilot else None
        if pilot is None or bundle is None:
            return
        bundle.recheck = True
        if not event.items:
            bundle.touched = self._outbox.now  # all had begun: ask again only after a while
        for task, attempt in reversed(event.items):
            if bundle.left.get(task) != attempt:
                continue
            state = state_in(bundle, task)
            if not self._book.drop(bundle, task):
                self._returns.requeue(task, attempt, state, bundle, "revoked")
        self._dispatch.given_back(pilot, bundle)
        self._returns.free_if_empty(pilot, bundle)

    def _stop_overdue(self) -> None:
        """End tasks that ran longer than their timeout."""
        now = self._outbox.now
        while self._deadlines and self._deadlines[0][0] <= now:
            _, task, attempt = heapq.heappop(self._deadlines)
            bundle = self._book.bundle_of.get(task)
            if bundle is None or bundle.left[task] != attempt or task in self._book.ghosts:
                continue
            queue, past = bundle.queue, self._book.past(task)
            past.failures += 1
            self._book.drop(bundle, task)
            cause = f"ran longer than its timeout of {format_seconds(queue.key.timeout or 0)}"
            self._outbox.kill(bundle, f"task {task} {cause}")
            if past.failures <= queue.key.retries:
                self._returns.requeue(task, attempt, _RUNNING, bundle, cause)
            else:
                label = self._book.label(task, queue)
                error = TaskTimeoutError(f"task {label} {cause} and was stopped. Give a larger timeout=, or none.")
                self._book.end(task, queue, attempt, _RUNNING, _FAILED, now, cause, bundle, error)
        if self._deadlines:
            self._outbox.wake(self._deadlines[0][0])

    def _close(self, event: Closing) -> None:
        self._judge.closing = True
        self._rejudge()

    # Queues.

    def _enqueue(self, queue: Queue) -> None:
        self._wants.changed[queue] = None
        self._ready.push(queue)

    def _requeued(self, queue: Queue) -> None:
        self._judge.doubt(queue)
        self._enqueue(queue)

    def _rejudge(self) -> None:
        self._judge.doubt(*self._queues.values())

    def _prune(self) -> None:
        """Forget empty queues when there are very many."""
        changed = self._wants.changed
        if len(self._queues) > _QUEUES:
            for queue in changed:
                if not len(queue) and not queue.out and self._queues.get(queue.key) is queue:
                    del self._queues[queue.key]
                    self._dispatch.gangs.pop(queue, None)
                    self._judge.forget(queue)
        changed.clear()
