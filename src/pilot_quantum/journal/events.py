"""The words of the journal as data: states, groups, and what happened to pilots, workers and attempts."""

from __future__ import annotations

from dataclasses import dataclass

TASK_STATES = ("waiting", "queued", "shipped", "running", "done", "failed", "cancelled")
PILOT_END_STATES = ("done", "failed", "cancelled")
REQUEUED = "requeued"  # how an attempt ends that goes back to the queue: revoked, lost or retried


@dataclass(frozen=True)
class Group:
    """A queue of like tasks. needs: as text; priority: larger runs sooner."""

    id: int
    name: str
    function: str
    needs: str
    priority: int
    coupling: str

    @property
    def label(self) -> str:
        """What to call the group's tasks."""
        return self.name or self.function or f"group {self.id}"


@dataclass(frozen=True)
class PilotEvent:
    """A state change of a pilot. mono, wall: seconds of the monotonic clock and since 1970."""

    mono: float
    wall: float
    pilot: str
    state: str
    cause: str
    description: str


@dataclass(frozen=True)
class PilotHistory:
    """All state changes of one pilot, oldest first; at least one."""

    pilot: str
    events: tuple[PilotEvent, ...]

    @property
    def state(self) -> str:
        """The last state."""
        return self.events[-1].state

    @property
    def description(self) -> str:
        """What was asked for: the last description that is not empty."""
        return next((event.description for event in reversed(self.events) if event.description), "")


@dataclass(frozen=True)
class WorkerEvent:
    """A worker's coming (`up`) or going (`lost`, `ended`). mono, wall: seconds."""

    mono: float
    wall: float
    pilot: str
    worker: str
    state: str
    pid: int
    cause: str


@dataclass(frozen=True)
class WorkerLife:
    """One process: from `up` to its end. began, ended: monotonic seconds; ended is None while it lives.

    state: `up`, `lost` or `ended`.
    """

    pilot: str
    worker: str
    pid: int
    began: float
    ended: float | None
    state: str
    cause: str


@dataclass(frozen=True)
class AllocationEvent:
    """A state change of a pilot's allocation. mono, wall: seconds. nodes: that were asked for."""

    mono: float
    wall: float
    pilot: str
    allocation: str
    state: str
    nodes: int
    cause: str


@dataclass(frozen=True)
class Decision:
    """What the scheduler decided about `subject`, and why. mono, wall: seconds."""

    mono: float
    wall: float
    subject: str
    decision: str
    reason: str


@dataclass(frozen=True)
class Span:
    """One attempt at a task, from queue to end; times are monotonic seconds, None where it did not get so far.

    end: done, failed, cancelled, `requeued`, or "" while it lasts; state: the last one that was written.
    A task that ended before it was ever shipped has one span without `shipped`.
    """

    task: int
    attempt: int
    group: str
    pilot: str
    worker: str
    queued: float | None
    shipped: float | None
    began: float | None
    ended: float | None
    state: str
    end: str
    cause: str


@dataclass(frozen=True)
class TaskCounts:
    """Tasks by their present state."""

    waiting: int = 0
    queued: int = 0
    shipped: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All tasks."""
        return self.unfinished + self.finished

    @property
    def finished(self) -> int:
        """Tasks in an end state."""
        return self.done + self.failed + self.cancelled

    @property
    def unfinished(self) -> int:
        """Tasks that will still change."""
        return self.waiting + self.queued + self.shipped + self.running
