"""What the scheduler's core wants to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pilot_quantum.task.needs import Needs
from pilot_quantum.task.state import TaskState

Row = tuple[float, int, str, int, int, str, str, str]
"""A transition for the journal: monotonic seconds, task, state, attempt, group, pilot, worker, cause."""


@dataclass(frozen=True, slots=True)
class Ship:
    """Send tasks, (task, attempt), to a worker; they share its slot. `function` is a content hash.

    A worker that has tasks of the same function may get more of them, to be run after those. nodes: those of a gang,
    the worker's own first; empty for a task of one node. keep: their results stay on the pilot.
    """

    pilot: str
    worker: str
    function: str
    cores: int
    gpus: tuple[int, ...]
    items: Sequence[tuple[int, int]]
    nodes: tuple[int, ...] = ()
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Revoke:
    """Take back what the worker has not begun."""

    pilot: str
    worker: str
    items: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Kill:
    """End the worker's process."""

    pilot: str
    worker: str
    cause: str


class Resolution(NamedTuple):
    """How a task ended. `attempt` keys what its worker sent; `error` is set where the core itself ends a task."""

    task: int
    attempt: int
    state: TaskState
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """These tasks have ended."""

    items: Sequence[Resolution]


@dataclass(frozen=True, slots=True)
class Forget:
    """What this attempt left is not wanted: it came late, twice, or after its task was cancelled."""

    task: int
    attempt: int


@dataclass(frozen=True, slots=True)
class CapacityWanted:
    """More of `needs` would let `amount` tasks run sooner (0: no longer); `reason` says why.

    seconds: what they are predicted to take together, one after the other; None where nobody knows. waiting: seconds
    for which the first has waited.
    """

    needs: Needs
    amount: int
    reason: str
    seconds: float | None = None
    waiting: float = 0.0


@dataclass(frozen=True, slots=True)
class StopPilot:
    """The pilot has drained: nothing runs there any more."""

    pilot: str


@dataclass(frozen=True, slots=True)
class StopNodes:
    """These nodes have drained: nothing runs there any more."""

    pilot: str
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send Timer at `at` (monotonic seconds)."""

    at: float


@dataclass(frozen=True, slots=True)
class Record:
    """Transitions for the journal."""

    rows: Sequence[Row]


Instruction = Ship | Revoke | Kill | Resolve | Forget | CapacityWanted | StopPilot | StopNodes | SetTimer | Record
