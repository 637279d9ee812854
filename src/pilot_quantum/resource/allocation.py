"""An allocation: what a launcher obtained for a pilot (this machine, a batch job, hosts), with an engine inside.

A pilot owns one or more; its state follows from theirs. A local pilot has one, which runs as soon as a worker is up.
"""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic

from pilot_quantum.resource.allocation_state import ALLOWED, AllocationState
from pilot_quantum.resource.engines.events import Engine
from pilot_quantum.resource.state import PilotState


class IllegalAllocationTransitionError(Exception):
    """A defect: an allocation was moved against the table. Carries its history."""

    def __init__(self, allocation: str, old: AllocationState, new: AllocationState, history: Collection[str]) -> None:
        story = " -> ".join(history)
        super().__init__(f"allocation {allocation}: {old} -> {new} is not a legal transition after {story}")


class Allocation:
    """One allocation of a pilot: `wanted` nodes, and those that have come up in it."""

    def __init__(self, name: str, engine: Engine, wanted: int) -> None:
        self.name = name
        self.engine = engine
        self.wanted = wanted
        self.state = AllocationState.SUBMITTED
        self.nodes: set[int] = set()
        """Indexes of the nodes that are up."""
        self.empty: set[int] = set()
        """Those of them that have drained."""
        self.ends_at: float | None = None
        """Monotonic seconds at which it will end, where that is known."""
        self.length: float | None = None
        """Seconds that it had when its first node came up."""
        self.up_at: float | None = None
        """Monotonic seconds at which its first worker was there."""
        self.told = ""
        """What the batch system said last about its state, in its own words."""
        self.since = monotonic()
        """Monotonic seconds of the last change of its state."""
        self.draining = ""
        """Why it takes no new task, if so."""
        self.warnings = 0
        """How often it was said to be expiring."""
        self.expiring = False
        """Whether its batch system ends it, or takes it back into its queue: then it is not ours to end."""
        self._history: list[str] = [AllocationState.SUBMITTED]

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state is AllocationState.ENDED

    @property
    def counts(self) -> bool:
        """Whether the pilot can count on its nodes: it has not ended and is not about to."""
        return not self.over and not self.draining

    def move(self, state: AllocationState) -> None:
        """Enter `state`. Raises IllegalAllocationTransitionError when the table forbids it."""
        if state not in ALLOWED[self.state]:
            raise IllegalAllocationTransitionError(self.name, self.state, state, self._history)
        self.state = state
        self.since, self.told = monotonic(), ""
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
