"""The states of a task, and the table of legal transitions."""

from __future__ import annotations

from enum import StrEnum, auto


class TaskState(StrEnum):
    """Life of a task. `waiting`: for its inputs. `shipped`: with a worker, not begun."""

    WAITING = auto()
    QUEUED = auto()
    SHIPPED = auto()
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return not ALLOWED[self]


_ENDS = {TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED}

ALLOWED: dict[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: frozenset({TaskState.QUEUED, TaskState.FAILED, TaskState.CANCELLED}),
    TaskState.QUEUED: frozenset({TaskState.SHIPPED, TaskState.FAILED, TaskState.CANCELLED}),
    TaskState.SHIPPED: frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.FAILED, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset({TaskState.QUEUED} | _ENDS),
    TaskState.DONE: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
}


class IllegalTransitionError(Exception):
    """A defect of the scheduler: a task was moved against the table. Carries the task's history."""

    def __init__(self, task: int, old: TaskState, new: TaskState, history: list[str]) -> None:
        story = "\n  ".join(history) or "(none kept)"
        super().__init__(f"task {task}: {old} -> {new} is not a legal transition; its history:\n  {story}")
