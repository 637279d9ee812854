"""Queues of like tasks: the only thing that policies see, which keeps a decision flat from 10³ to 10⁶ tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from pilot_quantum.task.needs import Needs, demand

_RESOLUTION = 1.0


class Choice(NamedTuple):
    """One acceptable way to run a task: needs, and the content hash of the function for it."""

    needs: Needs
    function: str


class QueueKey(NamedTuple):
    """What tasks of one queue have in common. Times are seconds.

    near: the allocation where results lie that they need; they go there while it is free.
    """

    label: str
    choices: tuple[Choice, ...]
    priority: int = 0
    affinity: str | None = None
    retries: int = 0
    timeout: float | None = None
    expected_duration: float | None = None
    wait_for_capacity: bool = False
    coupling: str = "loose"
    keep_remote: bool = False
    near: str = ""


class Queue:
    """Tasks in the order of their submission, those that must run alone (after a loss) before the others."""

    def __init__(self, key: QueueKey, index: int) -> None:
        self.key = key
        self.demands = tuple(demand(choice.needs) for choice in key.choices)
        self.index = index
        self.group = 0
        """Its name in the journal."""
        self.ready: deque[int] = deque()
        self.alone: deque[int] = deque()
        self._entered: deque[tuple[int, float]] = deque()
        """Since when it has tasks of this number and above: for how long the head has waited."""
        self.withdrawn = 0
        """How many of the ids in `ready` and `alone` have been cancelled and are skipped when they come up."""
        self.durations = Durations(key.expected_duration)
        self.rank: tuple[float, ...] | None = None
        """The rank with which it stands in the heap of ready queues, or None."""
        self.gang = any(choice.needs.nodes > 1 for choice in key.choices)
        """Whether a task of it may take several nodes at once."""
        self.single = self.gang or key.coupling == "tight"
        """Whether its tasks are never bundled."""
        self.wide = self.gang or any(
            choice.needs.cores > 1 or choice.needs.gpus or choice.needs.qpus or choice.needs.memory
            for choice in key.choices
        )
        """Whether one slot of one core is not enough for a task of it."""
        self.ahead: Queue | None = None
        """For a gang: a queue of the same priority that was found to be older."""
        self.wanted = 0
        self.starved = False
        """Whether it was said that nobody can run it as things are."""
        self.out = 0
        """How many of its tasks are with workers."""

    def __len__(self) -> int:
        return len(self.ready) + len(self.alone) - self.withdrawn

    @property
    def head(self) -> int:
        """The id of the task that is next (or was, if it has been cancelled)."""
        return self.alone[0] if self.alone else self.ready[0]

    def enter(self, tasks: Sequence[int], at: float) -> None:
        """Add new tasks at the end."""
        if not self._entered or at - self._entered[-1][1] > _RESOLUTION:
            self._entered.append((tasks[0], at))
        self.ready.extend(tasks)

    def waiting_since(self) -> float:
        """Monotonic seconds at which the head was queued for the first time, give or take a second."""
        entered = self._entered
        while len(entered) > 1 and entered[1][0] <= self.head:
            entered.popleft()
        return entered[0][1]


def before(one: Queue, other: Queue) -> bool:
    """Whether `one` has a head that comes before that of `other`, by priority and age; `other` is not empty."""
    return bool(len(one)) and (-one.key.priority, one.head) < (-other.key.priority, other.head)


class Durations:
    """Mean seconds of a queue's tasks, by (pilot, choice), learned as they end; recent ones count more."""

    _WEIGHT = 0.2

    def __init__(self, expected: float | None) -> None:
        self._expected = expected
        self._by_place: dict[tuple[str, int], float] = {}
        self._overall: float | None = None

    def learn(self, pilot: str, choice: int, seconds: float, count: int = 1) -> None:
        """`count` tasks took `seconds` each on the average."""
        place = (pilot, choice)
        weight = 1 - (1 - self._WEIGHT) ** count
        old = self._by_place.get(place, seconds)
        self._by_place[place] = old + weight * (seconds - old)
        overall = seconds if self._overall is None else self._overall
        self._overall = overall + weight * (seconds - overall)

    def predict(self, pilot: str, choice: int) -> float | None:
        """Expected seconds there: measured there, as declared, or measured elsewhere; None when nobody knows."""
        measured = self._by_place.get((pilot, choice))
        if measured is not None:
            return measured
        return self._expected if self._expected is not None else self._overall

    @property
    def typical(self) -> float | None:
        """Seconds wherever it runs: measured, or as declared."""
        return self._expected if self._overall is None else self._overall

    @property
    def learned(self) -> bool:
        """Whether any task has ended yet."""
        return self._overall is not None
