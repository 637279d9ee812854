"""The book of tasks: where each one is, and what has happened to it. Every transition is checked against the table.

The state of a task follows from where its id is: in `queued`, in a bundle's `left` (shipped, or running when the bundle
says so), or nowhere (ended). Nothing is stored for a task that has never been shipped but its id.
"""

from __future__ import annotations

from collections import Counter, deque

from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.events import Submitted
from pilot_quantum.task.instructions import Resolution, Row
from pilot_quantum.task.queues import Queue
from pilot_quantum.task.state import ALLOWED, IllegalTransitionError, TaskState

_HISTORY = 5000
"""Transitions kept for the story of an illegal one."""
_QUEUED, _SHIPPED, _RUNNING, _DONE = TaskState.QUEUED, TaskState.SHIPPED, TaskState.RUNNING, TaskState.DONE


class Past:
    """What a task has behind it: only for tasks whose first attempt did not settle them."""

    __slots__ = ("attempts", "crashes", "failures")

    def __init__(self) -> None:
        self.attempts = 0
        self.crashes = 0
        self.failures = 0


class Book:
    """Moves tasks from state to state, and writes down every move."""

    def __init__(self) -> None:
        self.queued: dict[int, Queue] = {}
        self.bundle_of: dict[int, Bundle] = {}
        self.ghosts: set[int] = set()
        """Cancelled while with a worker that may or may not have begun them."""
        self.counts: Counter[TaskState] = Counter()
        """How many tasks are in each state now, or have ended in it."""
        self._past: dict[int, Past] = {}
        self._names: dict[int, str] = {}
        self._log: deque[Row] = deque(maxlen=_HISTORY)
        self._rows: list[Row] = []
        self._ended: list[Resolution] = []

    @property
    def outstanding(self) -> int:
        """Tasks that have not ended."""
        return len(self.queued) + len(self.bundle_of) - len(self.ghosts)

    def state(self, task: int) -> TaskState | None:
        """The state of a task that has not ended; None for one that has, or was never submitted."""
        if task in self.queued:
            return _QUEUED
        bundle = self.bundle_of.get(task)
        return None if bundle is None or task in self.ghosts else state_in(bundle, task)

    def label(self, task: int, queue: Queue) -> str:
        """How people call the task: by its name, else by its number and function."""
        return repr(self._names[task]) if task in self._names else f"{task} ({queue.key.label})"

    def past(self, task: int) -> Past:
        """What the task has behind it, to be added to."""
        return self._past.setdefault(task, Past())

    def attempts(self, task: int) -> int:
        """How often the task has been shipped and come back."""
        past = self._past.get(task) if self._past else None
        return past.attempts if past else 0

    # One task.

    def begin(self, bundle: Bundle, task: int, attempt: int, at: float) -> None:
        """Shipped → running."""
        self._move(at, task, _SHIPPED, _RUNNING, attempt, bundle.queue, bundle)

    def requeue(self, bundle: Bundle, task: int, attempt: int, old: TaskState, cause: str, now: float) -> None:
        """Shipped or running → queued; the caller puts the id where it belongs in the queue."""
        self._move(now, task, old, _QUEUED, attempt, bundle.queue, bundle, cause)
        self.past(task).attempts = attempt
        self.queued[task] = bundle.queue

    def end(
        self,
        task: int,
        queue: Queue,
        attempt: int,
        old: TaskState,
        new: TaskState,
        at: float,
        cause: str,
        bundle: Bundle | None = None,
        error: Exception | None = None,
    ) -> None:
        """Any state → done, failed or cancelled."""
        self._move(at, task, old, new, attempt, queue, bundle, cause)
        self._past.pop(task, None)
        self._names.pop(task, None)
        self._ended.append(Resolution(task, attempt, new, error))

    def drop(self, bundle: Bundle, task: int) -> bool:
        """`task` is no longer with the bundle's worker; whether it was a ghost, which nobody misses."""
        ghost = task in self.ghosts
        self.ghosts.discard(task)
        del bundle.left[task], self.bundle_of[task]
        bundle.queue.out -= 1
        if bundle.current == task:
            bundle.current = None
        return ghost

    # Many tasks at once: the hot path, where the table is asked once for all of them.

    def enter(self, event: Submitted, queue: Queue) -> None:
        """New → queued."""
        tasks, group = event.tasks, event.group
        self.queued.update(dict.fromkeys(tasks, queue))
        if event.name is not None:
            self._names.update(dict.fromkeys(tasks, event.name))
        self.counts[_QUEUED] += len(tasks)
        self._rows += [(at, task, "queued", 0, group, "", "", "") for at, task in zip(event.times, tasks, strict=True)]

    def ship(self, bundle: Bundle, left: dict[int, int], now: float) -> None:
        """Queued → shipped, for tasks (with their attempts) of a bundle, whose ids have been taken from `queued`."""
        group, pilot, worker = bundle.queue.group, bundle.pilot, bundle.worker
        self._check(next(iter(left)), _QUEUED, _SHIPPED)
        self.bundle_of.update(dict.fromkeys(left, bundle))
        bundle.queue.out += len(left)
        self.counts[_QUEUED] -= len(left)
        self.counts[_SHIPPED] += len(left)
        self._rows += [(now, task, "shipped", attempt, group, pilot, worker, "") for task, attempt in left.items()]

    def finish(self, bundle: Bundle, items: list[tuple[int, int, float, float]]) -> None:
        """Shipped or running → done, for (task, attempt, began, ended) of which the bundle's `left` is rid already."""
        self._check(items[0][0], _SHIPPED, _RUNNING)
        self._check(items[0][0], _RUNNING, _DONE)
        rows, ended, bundle_of = self._rows, self._ended, self.bundle_of
        group, pilot, worker, running = bundle.queue.group, bundle.pilot, bundle.worker, 0
        for task, attempt, began, finished in items:
            del bundle_of[task]
            if bundle.current == task:
                bundle.current = None
                running += 1
            else:
                rows.append((began, task, "running", attempt, group, pilot, worker, ""))
            rows.append((finished, task, "done", attempt, group, pilot, worker, ""))
            ended.append(Resolution(task, attempt, _DONE))
        self.counts[_RUNNING] -= running
        self.counts[_SHIPPED] -= len(items) - running
        self.counts[_DONE] += len(items)
        bundle.queue.out -= len(items)
        if self._past or self._names:
            for item in items:
                self._past.pop(item[0], None)
                self._names.pop(item[0], None)

    # What has been written since it was last asked for.

    def take_rows(self) -> list[Row]:
        """The transitions."""
        rows, self._rows = self._rows, []
        self._log.extend(rows[-_HISTORY:])
        return rows

    def take_ended(self) -> list[Resolution]:
        """The ends."""
        ended, self._ended = self._ended, []
        return ended

    def _move(
        self,
        at: float,
        task: int,
        old: TaskState,
        new: TaskState,
        attempt: int,
        queue: Queue,
        bundle: Bundle | None,
        cause: str = "",
    ) -> None:
        self._check(task, old, new)
        place = (bundle.pilot, bundle.worker) if bundle else ("", "")
        self._rows.append((at, task, new.value, attempt, queue.group, *place, cause))
        self.counts[old] -= 1
        self.counts[new] += 1

    def _check(self, task: int, old: TaskState, new: TaskState) -> None:
        if new not in ALLOWED[old]:
            raise IllegalTransitionError(task, old, new, self._history(task))

    def _history(self, task: int) -> list[str]:
        rows = [row for row in (*self._log, *self._rows) if row[1] == task]
        return [f"{row[0]:.6f} {row[2]} attempt {row[3]} {row[5]} {row[6]} {row[7]}".rstrip() for row in rows]


def state_in(bundle: Bundle, task: int) -> TaskState:
    """The state of a task that is with a worker."""
    return _RUNNING if bundle.current == task else _SHIPPED
