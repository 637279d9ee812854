"""The scheduler: state and rules, no I/O, no clock. `handle(events, now)` applies events, then makes one pass.

The state of a task follows from where its id is: in `_queued` (queued), in a bundle's `left` (shipped, or running when
the bundle says so), or nowhere (ended). Nothing is stored for a task that has never been shipped but its id.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from pilot_quantum.errors import PilotLostError, TaskTimeoutError, UnsatisfiableError, WorkerLostError
from pilot_quantum.resource.engines.events import Began, EngineEnded, Outcomes, Revoked, WorkerLost, WorkerUp
from pilot_quantum.resource.units import format_seconds
from pilot_quantum.task import bundle as bundles
from pilot_quantum.task import explain
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.events import Cancelled, Closing, Event, PilotAnnounced, PilotDraining, Submitted, Timer
from pilot_quantum.task.instructions import (
    CapacityWanted,
    Forget,
    Instruction,
    Kill,
    Record,
    Resolution,
    Resolve,
    Revoke,
    Row,
    SetTimer,
    Ship,
    StopPilot,
)
from pilot_quantum.task.placement import Placement, amounts_of
from pilot_quantum.task.policy import Candidate, Policy, PriorityThenEarliestFinish
from pilot_quantum.task.pool import PilotView, Reservation
from pilot_quantum.task.queues import Queue, QueueKey
from pilot_quantum.task.state import ALLOWED, IllegalTransitionError, TaskState

CRASH_BUDGET = 3
"""How many workers a task may take down with it, alone, before it is stopped."""
_HISTORY = 5000
"""Transitions kept for the story of an illegal one."""
_QUEUES = 1000
"""Queues kept, with what they have learned, when they are empty; beyond, a new function per task would fill memory."""

_QUEUED, _SHIPPED, _RUNNING = TaskState.QUEUED, TaskState.SHIPPED, TaskState.RUNNING
_DONE, _FAILED, _CANCELLED = TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED


class Past:
    """What a task has behind it: only for tasks whose first attempt did not settle them."""

    __slots__ = ("attempts", "crashes", "failures")

    def __init__(self) -> None:
        self.attempts = 0
        self.crashes = 0
        self.failures = 0


class Core:
    """Queues, pilots and what is with whom. Not thread-safe: one driver calls it."""

    def __init__(self, policy: Policy | None = None, crash_budget: int = CRASH_BUDGET) -> None:
        self._policy = policy or PriorityThenEarliestFinish()
        self._pilots: dict[str, PilotView] = {}
        self._placement = Placement(self._policy, self._pilots)
        self._crash_budget = crash_budget
        self._queues: dict[QueueKey, Queue] = {}
        self._queue_numbers = itertools.count()
        self._heap: list[tuple[tuple[float, ...], int, Queue]] = []
        self._queued: dict[int, Queue] = {}
        self._bundle_of: dict[int, Bundle] = {}
        self._past: dict[int, Past] = {}
        self._names: dict[int, str] = {}
        self._ghosts: set[int] = set()
        """Cancelled while with a worker that may or may not have begun them."""
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
        self._log: deque[Row] = deque(maxlen=_HISTORY)
        self.counts: Counter[TaskState] = Counter()
        """How many tasks are in each state now, or have ended in it."""
        self._out: list[Instruction] = []
        self._rows: list[Row] = []
        self._ended: list[Resolution] = []
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
    def idle(self) -> int:
        """Core-slots that could take a task now."""
        return sum(pilot.idle for pilot in self._pilots.values())

    @property
    def outstanding(self) -> int:
        """Tasks that have not ended."""
        return len(self._queued) + len(self._bundle_of) - len(self._ghosts)

    def state(self, task: int) -> TaskState | None:
        """The state of a task that has not ended; None for one that has, or was never submitted."""
        if task in self._queued:
            return _QUEUED
        bundle = self._bundle_of.get(task)
        if bundle is None or task in self._ghosts:
            return None
        return _RUNNING if bundle.current == task else _SHIPPED

    def explain(self, task: int, now: float) -> str:
        """In which state the task is, why, on which pilots it could run, and what is missing there."""
        state = self.state(task)
        if state is None:
            return f"task {task} has ended, or is not known here."
        if state is not _QUEUED:
            bundle = self._bundle_of[task]
            since = f", for {format_seconds(max(0.0, now - bundle.touched))}" if state is _RUNNING else ""
            return f"task {self._label(task, bundle.queue)} is {state} on worker {bundle.worker}{since}."
        queue = self._queued[task]
        ahead = sum(len(other) for other in self._queues.values() if other is not queue and self._before(other, queue))
        story = explain.waiting(queue, ahead, list(self._pilots.values()), now)
        return f"task {self._label(task, queue)} is {story}"

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
        self._queued.update(dict.fromkeys(event.tasks, queue))
        if event.name is not None:
            self._names.update(dict.fromkeys(event.tasks, event.name))
        self.counts[_QUEUED] += len(event.tasks)
        group = event.group
        self._rows += [
            (at, task, "queued", 0, group, "", "", "") for at, task in zip(event.times, event.tasks, strict=True)
        ]
        self._push(queue)

    def _cancelled(self, event: Cancelled) -> None:
        for task in event.tasks:
            queue = self._queued.pop(task, None)
            if queue is not None:
                queue.withdrawn += 1
                self._end(task, queue, 0, _QUEUED, _CANCELLED, cause="cancelled")
                continue
            bundle = self._bundle_of.get(task)
            if bundle is None or task in self._ghosts:
                continue
            attempt = bundle.left[task]
            self._end(task, bundle.queue, attempt, self._state_in(bundle, task), _CANCELLED, bundle, "cancelled")
            if bundle.current == task:
                self._drop(bundle, task)
                self._kill(bundle, f"task {task} was cancelled")
            else:
                self._ghosts.add(task)
                self._out.append(Revoke(bundle.pilot, bundle.worker, [(task, attempt)]))

    def _began(self, event: Began) -> None:
        bundle = self._bundle_with(event.pilot, event.worker, event.task, event.attempt)
        if bundle is None or bundle.current == event.task:
            return
        bundle.current = event.task
        bundle.touched = max(bundle.touched, event.at)
        if event.task in self._ghosts:
            self._drop(bundle, event.task)
            self._kill(bundle, f"task {event.task} was cancelled")
            return
        self._row(event.at, event.task, _SHIPPED, _RUNNING, event.attempt, bundle)
        self.counts[_SHIPPED] -= 1
        self.counts[_RUNNING] += 1
        if bundle.queue.key.timeout is not None:
            heapq.heappush(self._deadlines, (event.at + bundle.queue.key.timeout, event.task, event.attempt))

    def _outcomes(self, event: Outcomes) -> None:
        pilot = self._pilots.get(event.pilot)
        bundle = pilot.bundles.get(event.worker) if pilot else None
        if pilot is None or bundle is None:
            self._out += [Forget(item[0], item[1]) for item in event.items]
            return
        left, queue, ghosts = bundle.left, bundle.queue, self._ghosts
        group, seconds, done = queue.group, 0.0, 0
        rows, ended = self._rows, self._ended
        for task, attempt, began, finished, ok in event.items:
            if left.get(task) != attempt or task in ghosts or not ok:
                self._odd_outcome(bundle, task, attempt, began, finished)
                continue
            del left[task], self._bundle_of[task]
            if bundle.current == task:
                bundle.current = None
                self.counts[_RUNNING] -= 1
            else:
                self.counts[_SHIPPED] -= 1
                rows.append((began, task, "running", attempt, group, event.pilot, event.worker, ""))
            rows.append((finished, task, "done", attempt, group, event.pilot, event.worker, ""))
            ended.append(Resolution(task, attempt, _DONE))
            seconds += finished - began
            bundle.touched = finished
            done += 1
        if done:
            self.counts[_DONE] += done
            queue.durations.learn(event.pilot, bundle.choice, seconds / done, done)
            if self._past or self._names:
                for resolution in ended[-done:]:
                    self._past.pop(resolution.task, None)
                    self._names.pop(resolution.task, None)
            queue.out -= done
            self._changed[queue] = None
        self._free_if_empty(pilot, bundle)

    def _odd_outcome(self, bundle: Bundle, task: int, attempt: int, began: float, finished: float) -> None:
        """An outcome that is late, doubled, no longer wanted, or a failure."""
        if bundle.left.get(task) != attempt:
            self._out.append(Forget(task, attempt))
            return
        bundle.touched = finished
        if task in self._ghosts:
            self._drop(bundle, task)
            self._out.append(Forget(task, attempt))
            return
        queue = bundle.queue
        if bundle.current != task:
            self._row(began, task, _SHIPPED, _RUNNING, attempt, bundle)
            self.counts[_SHIPPED] -= 1
            self.counts[_RUNNING] += 1
        past = self._past.setdefault(task, Past())
        past.failures += 1
        self._drop(bundle, task)
        if past.failures <= queue.key.retries:
            self._out.append(Forget(task, attempt))
            self._requeue(
                task, queue, attempt, _RUNNING, bundle, f"failed; retry {past.failures} of {queue.key.retries}"
            )
        else:
            self._end(task, queue, attempt, _RUNNING, _FAILED, bundle, "user code raised", at=finished)

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
            state = self._state_in(bundle, task)
            if not self._drop(bundle, task):
                self._requeue(task, bundle.queue, attempt, state, bundle, "revoked")
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
            state = self._state_in(bundle, task)
            if self._drop(bundle, task):
                continue
            past = self._past.setdefault(task, Past())
            past.crashes += bundle.alone
            if past.crashes >= self._crash_budget:
                error = WorkerLostError(
                    f"task {self._label(task, bundle.queue)} was stopped: {past.crashes} workers died while they ran "
                    f"it and nothing else, the last: {cause}. See what it printed with future.output(); a native "
                    "crash or too much memory are the usual reasons."
                )
                self._end(task, bundle.queue, attempt, state, _FAILED, bundle, cause, error)
            else:
                self._requeue(task, bundle.queue, attempt, state, bundle, cause, alone=True)

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

    # Moving tasks. Every transition goes through the table.

    def _requeue(
        self, task: int, queue: Queue, attempt: int, old: TaskState, bundle: Bundle, cause: str, alone: bool = False
    ) -> None:
        self._row(self._now, task, old, _QUEUED, attempt, bundle, cause)
        self.counts[old] -= 1
        self.counts[_QUEUED] += 1
        self._past.setdefault(task, Past()).attempts = attempt
        (queue.alone.append if alone else queue.ready.appendleft)(task)
        self._queued[task] = queue
        self._doubtful[queue] = None
        self._push(queue)

    def _take_back(self, bundle: Bundle, cause: str) -> None:
        """Re-queue what a bundle has left; nobody pays."""
        for task, attempt in reversed(list(bundle.left.items())):
            state = self._state_in(bundle, task)
            if not self._drop(bundle, task):
                self._requeue(task, bundle.queue, attempt, state, bundle, cause)

    def _end(
        self,
        task: int,
        queue: Queue,
        attempt: int,
        old: TaskState,
        new: TaskState,
        bundle: Bundle | None = None,
        cause: str = "",
        error: Exception | None = None,
        at: float | None = None,
    ) -> None:
        self._row(self._now if at is None else at, task, old, new, attempt, bundle, cause, queue)
        self.counts[old] -= 1
        self.counts[new] += 1
        self._past.pop(task, None)
        self._names.pop(task, None)
        self._ended.append(Resolution(task, attempt, new, error))

    def _row(
        self,
        at: float,
        task: int,
        old: TaskState,
        new: TaskState,
        attempt: int,
        bundle: Bundle | None,
        cause: str = "",
        queue: Queue | None = None,
    ) -> None:
        if new not in ALLOWED[old]:
            raise IllegalTransitionError(task, old, new, self._history(task))
        queue = bundle.queue if bundle else queue
        place = (bundle.pilot, bundle.worker) if bundle else ("", "")
        self._rows.append((at, task, new.value, attempt, queue.group if queue else 0, *place, cause))

    def _drop(self, bundle: Bundle, task: int) -> bool:
        """`task` is no longer with the bundle's worker; whether it was a ghost, which nobody misses."""
        ghost = task in self._ghosts
        self._ghosts.discard(task)
        del bundle.left[task], self._bundle_of[task]
        bundle.queue.out -= 1
        if bundle.current == task:
            bundle.current = None
        return ghost

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
        tail = [item for item in tail if item[0] not in self._ghosts]
        if tail:
            bundle.recheck = False
            self._out.append(Revoke(bundle.pilot, bundle.worker, tail))

    def _stop_overdue(self) -> None:
        """End tasks that ran longer than their timeout."""
        while self._deadlines and self._deadlines[0][0] <= self._now:
            _, task, attempt = heapq.heappop(self._deadlines)
            bundle = self._bundle_of.get(task)
            if bundle is None or bundle.left[task] != attempt or task in self._ghosts:
                continue
            queue, past = bundle.queue, self._past.setdefault(task, Past())
            past.failures += 1
            label = self._label(task, queue)
            self._drop(bundle, task)
            cause = f"ran longer than its timeout of {format_seconds(queue.key.timeout or 0)}"
            self._kill(bundle, f"task {task} {cause}")
            if past.failures <= queue.key.retries:
                self._requeue(task, queue, attempt, _RUNNING, bundle, cause)
            else:
                error = TaskTimeoutError(f"task {label} {cause} and was stopped. Give a larger timeout=, or none.")
                self._end(task, queue, attempt, _RUNNING, _FAILED, bundle, cause, error)
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
            if self._queued.pop(task, None) is None:
                continue
            label = self._label(task, queue)
            error: Exception
            if gone:
                error = PilotLostError(explain.lost(label, gone))
            elif live or self._pilots:
                error = UnsatisfiableError(explain.unsatisfiable(label, choices, live or self._pilots.values()))
            else:
                error = PilotLostError(f"task {label} was never run: the session was closed and had no pilot.")
            past = self._past.get(task)
            self._end(task, queue, past.attempts if past else 0, _QUEUED, _FAILED, None, type(error).__name__, error)
        queue.alone.clear()
        queue.ready.clear()
        queue.withdrawn = 0

    # The scheduling pass.

    def _schedule(self) -> None:
        blocked: list[Queue] = []
        reserved: dict[tuple[str, int], Reservation] = {}
        while self._heap and self.idle > 0:
            queue = self._pop()
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
        for queue in blocked:
            self._push(queue)
        if self._bundle_of:
            self._rebalance()
        self._want()

    def _ship(self, queue: Queue, candidate: Candidate, backfill: bool) -> None:
        pilot = self._pilots[candidate.pilot]
        choice = queue.key.choices[candidate.choice]
        seconds = queue.durations.predict(pilot.id, candidate.choice)
        count = 1 if backfill else bundles.size(queue, seconds, self._placement.places(queue))
        left = self._take(queue, count)
        if not left:
            return
        node = pilot.nodes[candidate.node]
        slot = node.take(amounts_of(choice.needs), self._home(queue, pilot))
        bundle = Bundle(queue, pilot.id, slot, candidate.choice, left, self._now)
        pilot.hold(bundle)
        self._bundle_of.update(dict.fromkeys(left, bundle))
        queue.out += len(left)
        queue.reserved = None
        if queue.key.affinity is not None:
            self._homes[queue.key.affinity] = (pilot.id, slot.workers[0])
        if _SHIPPED not in ALLOWED[_QUEUED]:  # the table is the only authority
            raise IllegalTransitionError(next(iter(left)), _QUEUED, _SHIPPED, [])
        self.counts[_QUEUED] -= len(left)
        self.counts[_SHIPPED] += len(left)
        now, group, worker = self._now, queue.group, bundle.worker
        self._rows += [(now, task, "shipped", attempt, group, pilot.id, worker, "") for task, attempt in left.items()]
        self._out.append(Ship(pilot.id, worker, choice.function, choice.needs.cores, slot.gpus, list(left.items())))

    def _take(self, queue: Queue, count: int) -> dict[int, int]:
        """The next `count` tasks of `queue` with their attempt numbers; one at most if it must run alone."""
        source = queue.alone or queue.ready
        left: dict[int, int] = {}
        queued, past = self._queued, self._past
        while source and len(left) < count:
            task = source.popleft()
            if queued.pop(task, None) is None:
                queue.withdrawn -= 1
                continue
            left[task] = 1 if not past or task not in past else past[task].attempts + 1
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
        if len(self._queues) > _QUEUES:
            for queue in self._changed:
                if not len(queue) and not queue.out and self._queues.get(queue.key) is queue:
                    del self._queues[queue.key]
                    self._hopeless.discard(queue)
                    self._doubtful.pop(queue, None)
        self._changed.clear()

    # The heap of ready queues: entries whose rank is no longer the queue's are stale and skipped.

    def _push(self, queue: Queue) -> None:
        self._changed[queue] = None
        if not len(queue):
            return
        if queue.rank is None:
            queue.rank = self._policy.rank(queue)
            heapq.heappush(self._heap, (queue.rank, queue.index, queue))

    def _pop(self) -> Queue | None:
        while self._heap:
            rank, _, queue = heapq.heappop(self._heap)
            if rank != queue.rank:
                continue
            queue.rank = None
            if len(queue):
                return queue
        return None

    # Small helpers.

    def _before(self, one: Queue, other: Queue) -> bool:
        return bool(len(one)) and (-one.key.priority, one.head) < (-other.key.priority, other.head)

    def _bundle_with(self, pilot: str, worker: str, task: int, attempt: int) -> Bundle | None:
        view = self._pilots.get(pilot)
        bundle = view.bundles.get(worker) if view else None
        return bundle if bundle is not None and bundle.left.get(task) == attempt else None

    def _state_in(self, bundle: Bundle, task: int) -> TaskState:
        return _RUNNING if bundle.current == task else _SHIPPED

    def _label(self, task: int, queue: Queue) -> str:
        return repr(self._names[task]) if task in self._names else f"{task} ({queue.key.label})"

    def _history(self, task: int) -> list[str]:
        rows = [row for row in (*self._log, *self._rows) if row[1] == task]
        return [f"{row[0]:.6f} {row[2]} attempt {row[3]} {row[5]} {row[6]} {row[7]}".rstrip() for row in rows]

    def _take_instructions(self) -> list[Instruction]:
        out, rows, ended = self._out, self._rows, self._ended
        self._out, self._rows, self._ended = [], [], []
        if ended:
            out.append(Resolve(ended))
        if rows:
            self._log.extend(rows[-_HISTORY:])
            out.insert(0, Record(rows))  # first: what follows may cause the next transitions of the same tasks
        if self._wake < float("inf"):
            out.append(SetTimer(self._wake))
        return out
