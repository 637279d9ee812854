"""What the scheduler's core is told, beside what engines report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.resource.capacity import Capacity
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
from pilot_quantum.task.queues import QueueKey


@dataclass(frozen=True, slots=True)
class Submitted:
    """Tasks whose inputs are there. `times`: monotonic seconds of submission; `group`: their name in the journal.

    name: how the user calls these tasks, where that is not the function's name.
    """

    key: QueueKey
    group: int
    tasks: Sequence[int]
    times: Sequence[float]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user no longer wants these tasks, whatever their state."""

    tasks: Sequence[int]


@dataclass(frozen=True, slots=True)
class Unfed:
    """What these tasks, where they are queued, wait to be run with is lost; the error of each says what."""

    items: Sequence[tuple[int, Exception]]


@dataclass(frozen=True, slots=True)
class PilotAnnounced:
    """A pilot has been asked for, and what it will offer; its nodes are there from NodeUp on.

    ends_at: monotonic seconds of the end of nodes that do not say their own, if the pilot has a walltime.
    """

    pilot: str
    capacity: Capacity
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class PilotDraining:
    """The pilot takes no new task."""

    pilot: str


@dataclass(frozen=True, slots=True)
class Closing:
    """No more pilots and tasks will come: what nobody can run now has to end."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A time that was asked for has come."""


Event = (
    Submitted
    | Cancelled
    | Unfed
    | PilotAnnounced
    | PilotDraining
    | Closing
    | Timer
    | NodeUp
    | NodesDraining
    | NodesLost
    | CapacityChanged
    | WorkerUp
    | WorkerLost
    | Began
    | Outcomes
    | Revoked
    | EngineEnded
)
