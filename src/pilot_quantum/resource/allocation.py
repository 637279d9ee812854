"""An allocation: what a launcher obtained for a pilot (this machine, a batch job, hosts), with an engine inside.

A pilot owns one or more; its state follows from theirs. A local pilot has one, which runs as soon as a worker is up.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum, auto

from pilot_quantum.resource.engines.events import Engine
from pilot_quantum.resource.state import PilotState


class AllocationState(StrEnum):
    """Life of an allocation. `unknown`: nobody can say at the moment; never a verdict."""

    SUBMITTED = auto()
    PENDING = auto()
    STARTING = auto()
    RUNNING = auto()
    COMPLETING = auto()
    ENDED = auto()
    UNKNOWN = auto()


_S = AllocationState
ALLOWED: dict[AllocationState, frozenset[AllocationState]] = {
    _S.SUBMITTED: frozenset({_S.PENDING, _S.STARTING, _S.ENDED, _S.UNKNOWN}),
    _S.PENDING: frozenset({_S.STARTING, _S.ENDED, _S.UNKNOWN}),
    _S.STARTING: frozenset({_S.RUNNING, _S.PENDING, _S.COMPLETING, _S.ENDED, _S.UNKNOWN}),
    _S.RUNNING: frozenset({_S.PENDING, _S.COMPLETING, _S.ENDED, _S.UNKNOWN}),
    _S.COMPLETING: frozenset({_S.PENDING, _S.ENDED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.PENDING, _S.STARTING, _S.RUNNING, _S.COMPLETING, _S.ENDED}),
    _S.ENDED: frozenset(),
}


class IllegalAllocationTransitionError(Exception):
    """A defect: an allocation was moved against the table. Carries its history."""

    def __init__(self, allocation: str, old: AllocationState, new: AllocationState, history: Collection[str]) -> None:
        story = " -> ".join(history)
        super().__init__(f"allocation {allocation}: {old} -> {new} is not a legal transition after {story}")


class Allocation:
    """One allocation of a pilot."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.engine = engine
        self.state = AllocationState.SUBMITTED
        self._history: list[str] = [AllocationState.SUBMITTED]

    def move(self, state: AllocationState) -> None:
        """Enter `state`. Raises IllegalAllocationTransitionError when the table forbids it."""
        if state not in ALLOWED[self.state]:
            raise IllegalAllocationTransitionError(self.name, self.state, state, self._history)
        self.state = state
        self._history.append(state)


def pilot_state(states: Collection[AllocationState], draining: bool, end: PilotState) -> PilotState:
    """A pilot's state from those of its allocations.

    draining: whether it takes no new task. end: the state that it enters when the last allocation has ended (done,
    failed or cancelled). An allocation of which nobody knows counts as one that waits.
    """
    if not states:
        return PilotState.NEW
    if all(state is AllocationState.ENDED for state in states):
        return end
    if draining:
        return PilotState.DRAINING
    if AllocationState.RUNNING in states or AllocationState.COMPLETING in states:
        return PilotState.ACTIVE
    return PilotState.STARTING if AllocationState.STARTING in states else PilotState.QUEUED
