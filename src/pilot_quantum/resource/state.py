"""The states of a pilot, and the table of legal transitions."""

from __future__ import annotations

from enum import StrEnum, auto


class PilotState(StrEnum):
    """Life of a pilot. `draining` takes no new task and ends when its running tasks have ended."""

    NEW = auto()
    QUEUED = auto()
    STARTING = auto()
    ACTIVE = auto()
    DRAINING = auto()
    DONE = auto()
    FAILED = auto()
    CANCELLED = auto()

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return not ALLOWED[self]


_ENDS = {PilotState.DONE, PilotState.FAILED, PilotState.CANCELLED}

ALLOWED: dict[PilotState, frozenset[PilotState]] = {
    PilotState.NEW: frozenset({PilotState.QUEUED, PilotState.FAILED, PilotState.CANCELLED}),
    PilotState.QUEUED: frozenset({PilotState.STARTING, PilotState.ACTIVE, PilotState.DRAINING} | _ENDS),
    PilotState.STARTING: frozenset({PilotState.QUEUED, PilotState.ACTIVE, PilotState.DRAINING} | _ENDS),
    # Back: its allocation was requeued, or has been lost to sight.
    PilotState.ACTIVE: frozenset({PilotState.QUEUED, PilotState.STARTING, PilotState.DRAINING} | _ENDS),
    PilotState.DRAINING: frozenset(_ENDS),
    PilotState.DONE: frozenset(),
    PilotState.FAILED: frozenset(),
    PilotState.CANCELLED: frozenset(),
}


class IllegalPilotTransitionError(Exception):
    """A defect: a pilot was moved against the table. Carries the pilot's history."""

    def __init__(self, pilot: str, old: PilotState, new: PilotState, history: list[str]) -> None:
        story = "\n  ".join(history)
        super().__init__(f"pilot {pilot}: {old} -> {new} is not a legal transition; its history:\n  {story}")
