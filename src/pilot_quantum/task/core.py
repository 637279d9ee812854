"""The scheduler's rules, no I/O, no clock: `handle(events, now)` applies events, then makes one pass."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from pilot_quantum.errors import PilotLostError, TaskTimeoutError, UnsatisfiableError, WorkerLostError
from pilot_quantum.resource.engines.events import Began, EngineEnded, Outcomes, Revoked, WorkerLost, WorkerUp
from pilot_quantum.resource.units import format_seconds
from pilot_quantum.task import bundle as bundles
from pilot_quantum.task import explain
from pilot_quantum.task.book import Book, state_in
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.events import Cancelled, Closing, Event, PilotAnnounced, PilotDraining, Submitted, Timer
from pilot_quantum.task.instructions import (
    CapacityWanted,
    Forget,
    Instruction,
    Kill,
    Record,
    Resolve,
    Revoke,
    SetTimer,
    Ship,
    StopPilot,
)
from pilot_quantum.task.placement import Placement, amounts_of
from pilot_quantum.task.policy import Candidate, Policy, PriorityThenEarliestFinish
from pilot_quantum.task.pool import PilotView, Reservation
from pilot_quantum.task.queues import Queue, QueueKey
from pilot_quantum.task.ready import Ready
from pilot_quantum.task.state import TaskState

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
        self._placement = Placement(policy, self._pilots)
        self._crash_budget = crash_budget
        self._queues: dict[QueueKey, Queue] = {}
        self._queue_numbers = itertools.count()
        self._ready = Ready(policy)
        self._book = Book()
        self._homes: dict[str, tuple[str, str]] = {}
        """affinity -> the (pilot, worker) that ran it last."""
        self._changed: dict[Queue, None] = {}
        """Queues whose length has changed since capacity was last asked for."""
        self._doubtful: dict[Queue, None] = {}
        """Queues that may have become unsatisfiable."""
        self._hopeless: set[Queue] = set()
        self._deadlines: list[tuple[float, int, int]] = []
        self._closing = False
        self._now = 0.0
        self._out: list[Instruction] = []
        self._unwanted: list[Forget] = []
        self._thin: list[Bundle] = []
        """Bundles that may soon be empty."""
        self._wake = float("inf")
        self._rules: dict[type, Callable[[Any], None]] = {
            Submitted: self._submitted,
            Cancelled: self._cancelled,
            PilotAnnounced: self._announced,
            PilotDraining: self._draining,
            Closing: self._close,
            Timer: lambda event: None,
            WorkerUp: self._worker_up,
            WorkerLost: self._worker_lost,
            Began: self._began,
            Outcomes: self._outcomes,
            Revoked: self._revoked,
            EngineEnded: self._engine_ended,
        }

    # What a driver asks.

    def handle(self, events: Iterable[Event], now: float) -> list[Instruction]:
        """Apply `events`, then schedule once. `now` is monotonic seconds; what comes back is to be done in order."""
        self._now = now
        self._wake = float("inf")
        for event in events:
            self._rules[type(event)](event)
        self._stop_overdue()
        self._judge()
        self._schedule()
        return self._take_instructions()

    @property
    def idle(self) -> bool:
        """Whether a core-slot could take a task now. Asked several times in each pass: no generator, no sum."""
        for pilot in self._pilots.values():
            if pilot.live:
                for node in pilot.nodes:
                    if node.idle:
                        return True
        return False

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

    def explain(self, task: int, now: float) -> str:
        """In which state the task is, why, on which pilots it could run, and what is missing there."""
        state = self.state(task)
        if state is None:
            return f"task {task} has ended, or is not known here."
        if state is not _QUEUED:
            bundle = self._book.bundle_of[task]
            since = f", for {format_seconds(max(0.0, now - bundle.touched))}" if state is _RUNNING else ""
            return f"task {self._book.label(task, bundle.queue)} is {state} on worker {bundle.worker}{since}."
        queue = self._book.queued[task]
        ahead = sum(len(other) for other in self._queues.values() if other is not queue and self._before(other, queue))
        story = explain.waiting(queue, ahead, list(self._pilots.values()), now)
        return f"task {self._book.label(task, queue)} is {story}"

    # Tasks come and go.

    def _submitted(self, event: Submitted) -> None:
        queue = self._queues.get(event.key)
        if queue is None:
            queue = self._queues[event.key] = Queue(event.key, next(self._queue_numbers))
            queue.group = event.group
            self._doubtful[queue] = None
        if queue in self._hopeless:
            self._doubtful[queue] = None
        queue.ready.extend(event.tasks)
        self._book.enter(event, queue)
        self._push(queue)

    def _cancelled(self, event: Cancelled) -> None:
        book = self._book
        for task in event.tasks:
            queue = book.queued.pop(task, None)
            if queue is not None:
                queue.withdrawn += 1
                book.end(task, queue, book.attempts(task), _QUEUED, _CANCELLED, self._now, "cancelled")
                continue
            bundle = book.bundle_of.get(task)
            if bundle is None or task in book.ghosts:
                continue
            attempt, state = bundle.left[task], state_in(bundle, task)
            book.end(task, bundle.queue, attempt, state, _CANCELLED, self._now, "cancelled", bundle)
            if state is _RUNNING:
                book.drop(bundle, task)
                self._kill(bundle, f"task {task} was cancelled")
            else:
                book.ghosts.add(task)
                self._out.append(Revoke(bundle.pilot, bundle.worker, [(task, attempt)]))

    def _began(self, event: Began) -> None:
        bundle = self._bundle_with(event.pilot, event.worker, event.task, event.attempt)
        if bundle is None or bundle.current == event.task:
            return
        bundle.current = event.task
        bundle.touched = max(bundle.touched, event.at)
        if event.task in self._book.ghosts:
            self._book.drop(bundle, event.task)
            self._kill(bundle, f"task {event.task} was cancelled")
            return
        self._book.begin(bundle, event.task, event.attempt, event.at)
        if bundle.queue.key.timeout is not None:
            heapq.heappush(self._deadlines, (event.at + bundle.queue.key.timeout, event.task, event.attempt))

    def _outcomes(self, event: Outcomes) -> None:
        pilot = self._pilots.get(event.pilot)
        bundle = pilot.bundles.get(event.worker) if pilot else None
        if pilot is None or bundle is None:
            self._unwanted += [Forget(item[0], item[1]) for item in event.items]
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
            bundle.touched = done[-1][3]
            self._thin.append(bundle)
            self._book.finish(bundle, done)
            bundle.queue.durations.learn(event.pilot, bundle.choice, seconds / len(done), len(done))
            self._changed[bundle.queue] = None
        self._free_if_empty(pilot, bundle)

    def _odd_outcome(self, bundle: Bundle, task: int, attempt: int, began: float, finished: float) -> None:
        """An outcome that is late, doubled, no longer wanted, or a failure."""
        if bundle.left.get(task) != attempt:
            self._unwanted.append(Forget(task, attempt))
            return
        bundle.touched = finished
        if task in self._book.ghosts:
            self._book.drop(bundle, task)
            self._unwanted.append(Forget(task, attempt))
            return
        queue, retries = bundle.queue, bundle.queue.key.retries
        if bundle.current != task:
            self._book.begin(bundle, task, attempt, began)
        self._book.drop(bundle, task)
        past = self._book.past(task)
        past.failures += 1
        if past.failures <= retries:
            self._unwanted.append(Forget(task, attempt))
            self._requeue(task, attempt, _RUNNING, bundle, f"failed; retry {past.failures} of {retries}")
        else:
            self._book.end(task, queue, attempt, _RUNNING, _FAILED, finished, "user code raised", bundle)

    def _revoked(self, event: Revoked) -> None:
        pilot = self._pilots.get(event.pilot)
        bundle = pilot.bundles.get(event.worker) if pilot else None
        if pilot is None or bundle is None:
            return
        bundle.recheck = True
        if not event.items:
            bundle.touched = self._now  # all had begun: ask again only after a while
        for task, attempt in reversed(event.items):
            if bundle.left.get(task) != attempt:
                continue
            state = state_in(bundle, task)
            if not self._book.drop(bundle, task):
                self._requeue(task, attempt, state, bundle, "revoked")
        self._free_if_empty(pilot, bundle)

    # Pilots and workers come and go.

    def _announced(self, event: PilotAnnounced) -> None:
        self._pilots[event.pilot] = PilotView(event.pilot, event.capacity, event.ends_at)
        self._doubtful.update(dict.fromkeys(self._queues.values()))

    def _worker_up(self, event: WorkerUp) -> None:
        pilot = self._pilots[event.pilot]
        if not pilot.ended:
            pilot.up(event.worker, event.node)

    def _worker_lost(self, event: WorkerLost) -> None:
        pilot = self._pilots[event.pilot]
        bundle = pilot.down(event.worker)
        if bundle is None:
            return
        if bundle.ending:
            self._take_back(bundle, f"worker {event.worker} was ended for another task")
        else:
            self._charge(bundle, f"worker {event.worker} lost: {event.cause}")
        self._stop_if_drained(pilot)

    def _charge(self, bundle: Bundle, cause: str) -> None:
        """Tasks whose worker died run again alone; only one that was alone already pays for the loss."""
        for task, attempt in list(bundle.left.items()):
            state = state_in(bundle, task)
            if self._book.drop(bundle, task):
                continue
            past = self._book.past(task)
            past.crashes += bundle.alone
            if past.crashes >= self._crash_budget:
                label = self._book.label(task, bundle.queue)
                error = WorkerLostError(
                    f"task {label} was stopped: {past.crashes} workers died while they ran it and nothing else, "
                    f"the last: {cause}. See what it printed with future.output(); a native crash or too much memory "
                    "are the usual reasons."
                )
                self._book.end(task, bundle.queue, attempt, state, _FAILED, self._now, cause, bundle, error)
            else:
                self._requeue(task, attempt, state, bundle, cause, alone=True)

    def _draining(self, event: PilotDraining) -> None:
        pilot = self._pilots[event.pilot]
        if not pilot.live:
            return
        pilot.live = False
        self._doubtful.update(dict.fromkeys(self._queues.values()))
        for bundle in pilot.bundles.values():
            self._revoke_tail(bundle, len(bundle.left) - (bundle.current is not None))
        self._stop_if_drained(pilot)

    def _engine_ended(self, event: EngineEnded) -> None:
        pilot = self._pilots[event.pilot]
        if pilot.ended:
            return
        pilot.live, pilot.ended = False, event.cause or "ended"
        for bundle in list(pilot.bundles.values()):
            pilot.release(bundle)
            self._take_back(bundle, f"pilot {pilot.id} ended: {pilot.ended}")
        self._doubtful.update(dict.fromkeys(self._queues.values()))

    def _close(self, event: Closing) -> None:
        self._closing = True
        self._doubtful.update(dict.fromkeys(self._queues.values()))

    # Taking tasks back, and what follows from that.

    def _requeue(
        self, task: int, attempt: int, old: TaskState, bundle: Bundle, cause: str, alone: bool = False
    ) -> None:
        queue = bundle.queue
        self._book.requeue(bundle, task, attempt, old, cause, self._now)
        (queue.alone.append if alone else queue.ready.appendleft)(task)
        self._doubtful[queue] = None
        self._push(queue)

    def _take_back(self, bundle: Bundle, cause: str) -> None:
        """Re-queue what a bundle has left; nobody pays."""
        for task, attempt in reversed(list(bundle.left.items())):
            state = state_in(bundle, task)
            if not self._book.drop(bundle, task):
                self._requeue(task, attempt, state, bundle, cause)

    def _free_if_empty(self, pilot: PilotView, bundle: Bundle) -> None:
        if not bundle.left and not bundle.ending:
            pilot.release(bundle)
            self._stop_if_drained(pilot)

    def _stop_if_drained(self, pilot: PilotView) -> None:
        if not pilot.live and not pilot.ended and not pilot.bundles:
            pilot.ended = "drained"
            self._out.append(StopPilot(pilot.id))

    def _kill(self, bundle: Bundle, cause: str) -> None:
        if not bundle.ending:
            bundle.ending = True
            self._out.append(Kill(bundle.pilot, bundle.worker, cause))

    def _revoke_tail(self, bundle: Bundle, count: int) -> None:
        tail = list(bundle.left.items())[len(bundle.left) - count :] if count > 0 else []
        tail = [item for item in tail if item[0] not in self._book.ghosts]
        if tail:
            bundle.recheck = False
            self._out.append(Revoke(bundle.pilot, bundle.worker, tail))

    def _stop_overdue(self) -> None:
        """End tasks that ran longer than their timeout."""
        while self._deadlines and self._deadlines[0][0] <= self._now:
            _, task, attempt = heapq.heappop(self._deadlines)
            bundle = self._book.bundle_of.get(task)
            if bundle is None or bundle.left[task] != attempt or task in self._book.ghosts:
                continue
            queue, past = bundle.queue, self._book.past(task)
            past.failures += 1
            self._book.drop(bundle, task)
            cause = f"ran longer than its timeout of {format_seconds(queue.key.timeout or 0)}"
            self._kill(bundle, f"task {task} {cause}")
            if past.failures <= queue.key.retries:
                self._requeue(task, attempt, _RUNNING, bundle, cause)
            else:
                label = self._book.label(task, queue)
                error = TaskTimeoutError(f"task {label} {cause} and was stopped. Give a larger timeout=, or none.")
                self._book.end(task, queue, attempt, _RUNNING, _FAILED, self._now, cause, bundle, error)
        if self._deadlines:
            self._wake = min(self._wake, self._deadlines[0][0])

    def _judge(self) -> None:
        """End the tasks of queues that no live or announced pilot can ever run."""
        if not self._doubtful:
            return
        queues, self._doubtful = list(self._doubtful), {}
        live = [pilot for pilot in self._pilots.values() if pilot.live]
        for queue in queues:
            self._hopeless.discard(queue)
            if any(pilot.fit(choice.needs) for pilot in live for choice in queue.key.choices):
                continue
            may_wait = queue.key.wait_for_capacity or not self._pilots
            if may_wait and not self._closing:
                continue
            self._hopeless.add(queue)
            self._fail_all(queue, live)

    def _fail_all(self, queue: Queue, live: list[PilotView]) -> None:
        choices = queue.key.choices
        gone = [p for p in self._pilots.values() if not p.live and any(p.fit(choice.needs) for choice in choices)]
        for task in (*queue.alone, *queue.ready):
            if self._book.queued.pop(task, None) is None:
                continue
            label = self._book.label(task, queue)
            error: Exception
            if gone:
                error = PilotLostError(explain.lost(label, gone))
            elif live or self._pilots:
                error = UnsatisfiableError(explain.unsatisfiable(label, choices, live or self._pilots.values()))
            else:
                error = PilotLostError(f"task {label} was never run: the session was closed and had no pilot.")
            attempt, cause = self._book.attempts(task), type(error).__name__
            self._book.end(task, queue, attempt, _QUEUED, _FAILED, self._now, cause, error=error)
        queue.alone.clear()
        queue.ready.clear()
        queue.withdrawn = 0

    # The scheduling pass.

    def _schedule(self) -> None:
        blocked: list[Queue] = []
        reserved: dict[tuple[str, int], Reservation] = {}
        while self._ready and self.idle:
            queue = self._ready.pop()
            if queue is None:
                break
            candidate = self._placement.find(queue, reserved, self._now)
            if candidate is None:
                blocked.append(queue)
                for bundle in self._placement.reserve(queue, reserved, self._now):
                    self._revoke_tail(bundle, len(bundle.left) - 1)
                continue
            self._ship(queue, candidate, backfill=(candidate.pilot, candidate.node) in reserved)
            self._push(queue)
        if self._thin:
            self._top_up(reserved)
        for queue in blocked:
            self._push(queue)
        if self._book.bundle_of:
            self._rebalance()
        self._want()
        self._prune()

    def _ship(self, queue: Queue, candidate: Candidate, backfill: bool) -> None:
        pilot = self._pilots[candidate.pilot]
        choice = queue.key.choices[candidate.choice]
        seconds = queue.durations.predict(pilot.id, candidate.choice)
        alone = backfill or len(queue) == 1
        count = 1 if alone else bundles.size(queue, seconds, self._placement.places(queue))
        solitary = bool(queue.alone)
        left = self._take(queue, count)
        if not left:
            return
        node = pilot.nodes[candidate.node]
        slot = node.take(amounts_of(choice.needs), self._home(queue, pilot))
        bundle = Bundle(queue, pilot.id, slot, candidate.choice, left, self._now, solitary)
        pilot.hold(bundle)
        self._book.ship(bundle, left, self._now)
        queue.reserved = None
        if queue.key.affinity is not None:
            self._homes[queue.key.affinity] = (pilot.id, slot.workers[0])
        self._out.append(
            Ship(pilot.id, bundle.worker, choice.function, choice.needs.cores, slot.gpus, list(left.items()))
        )

    def _top_up(self, reserved: dict[tuple[str, int], Reservation]) -> None:
        """Give workers that are at their last short task more of the same, so that they need not wait for it.

        Only while the queue is the next to be served anyway and longer than the slots there are: what is left at the
        end, and what has to run alone, stays unbound until a slot is free.
        """
        thin, self._thin = self._thin, []
        for bundle in thin:
            queue, pilot = bundle.queue, self._pilots[bundle.pilot]
            if len(bundle.left) != 1 or bundle.solitary or bundle.ending or not pilot.live or pilot.ends_at is not None:
                continue
            seconds, places = queue.durations.predict(pilot.id, bundle.choice), self._placement.places(queue)
            if queue.alone or seconds is None or seconds > bundles.TARGET or len(queue) <= places:
                continue
            if (pilot.id, bundle.slot.node) in reserved or not self._ready.is_next(queue):
                continue
            more = self._take(queue, bundles.size(queue, seconds, places))
            if more:
                bundle.add(more)
                self._book.ship(bundle, more, self._now)
                self._changed[queue] = None
                choice = queue.key.choices[bundle.choice]
                gpus = bundle.slot.gpus
                self._out.append(
                    Ship(pilot.id, bundle.worker, choice.function, choice.needs.cores, gpus, list(more.items()))
                )

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

    def _home(self, queue: Queue, pilot: PilotView) -> str | None:
        home = self._homes.get(queue.key.affinity) if queue.key.affinity is not None else None
        return home[1] if home and home[0] == pilot.id else None

    def _rebalance(self) -> None:
        """Where slots idle, ask back tails of bundles that take longer than was thought."""
        if not self.idle:
            return
        for pilot in self._pilots.values():
            for bundle in pilot.bundles.values():
                if len(bundle.left) < 2 or not bundle.recheck or bundle.ending:
                    continue
                due = bundle.touched + bundles.TARGET
                if due > self._now:
                    self._wake = min(self._wake, due)
                elif self._placement.room_for(bundle.queue):
                    self._revoke_tail(bundle, len(bundle.left) // 2)

    def _want(self) -> None:
        """Say once, and again when it changes by much, that more capacity would help."""
        for queue in self._changed:
            amount = len(queue)
            if bool(amount) == bool(queue.wanted) and queue.wanted / 2 <= amount <= queue.wanted * 2:
                continue
            queue.wanted = amount
            reason = f"{amount} tasks of {queue.key.label} wait for a free slot" if amount else "nothing waits any more"
            self._out.append(CapacityWanted(queue.key.choices[0].needs, amount, reason))

    def _prune(self) -> None:
        """Forget empty queues when there are very many."""
        if len(self._queues) > _QUEUES:
            for queue in self._changed:
                if not len(queue) and not queue.out and self._queues.get(queue.key) is queue:
                    del self._queues[queue.key]
                    self._hopeless.discard(queue)
                    self._doubtful.pop(queue, None)
        self._changed.clear()

    def _push(self, queue: Queue) -> None:
        self._changed[queue] = None
        self._ready.push(queue)

    # Small helpers.

    def _before(self, one: Queue, other: Queue) -> bool:
        return bool(len(one)) and (-one.key.priority, one.head) < (-other.key.priority, other.head)

    def _bundle_with(self, pilot: str, worker: str, task: int, attempt: int) -> Bundle | None:
        view = self._pilots.get(pilot)
        bundle = view.bundles.get(worker) if view else None
        return bundle if bundle is not None and bundle.left.get(task) == attempt else None

    def _take_instructions(self) -> list[Instruction]:
        out, self._out = self._out, []
        if ended := self._book.take_ended():
            out.append(Resolve(ended))
        out += self._unwanted  # after the ends: a doubled outcome has the key of the first, which counts
        self._unwanted = []
        if rows := self._book.take_rows():
            out.insert(0, Record(rows))  # first: what follows may cause the next transitions of the same tasks
        if self._wake < float("inf"):
            out.append(SetTimer(self._wake))
        return out
