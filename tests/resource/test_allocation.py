"""The states of allocations, and the pilot's that follows from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.allocation import Allocation, IllegalAllocationTransitionError, pilot_state
from pilot_quantum.resource.allocation_state import ALLOWED, AllocationState
from pilot_quantum.resource.state import PilotState

S, P = AllocationState, PilotState


class NoEngine:
    """Stands where nothing is run."""


@given(st.lists(st.sampled_from(AllocationState), max_size=8))
def test_an_allocation_moves_as_the_table_says_and_else_tells_its_story(states):
    allocation = Allocation("p.1", NoEngine(), 1)  # type: ignore[arg-type]
    for state in states:
        before = allocation.state
        if state in ALLOWED[before]:
            allocation.move(state)
            assert allocation.state is state
        else:
            with pytest.raises(IllegalAllocationTransitionError, match=f"{before} -> {state}"):
                allocation.move(state)
            assert allocation.state is before


def test_every_state_can_reach_the_end():
    for state in AllocationState:
        assert state is S.ENDED or S.ENDED in ALLOWED[state]


@pytest.mark.parametrize(
    ("states", "draining", "expected"),
    [
        ([], False, P.NEW),
        ([S.SUBMITTED], False, P.QUEUED),
        ([S.PENDING, S.UNKNOWN], False, P.QUEUED),
        ([S.PENDING, S.STARTING], False, P.STARTING),
        ([S.STARTING, S.RUNNING], False, P.ACTIVE),
        ([S.ENDED, S.COMPLETING], False, P.ACTIVE),
        ([S.RUNNING], True, P.DRAINING),
        ([S.ENDED, S.ENDED], False, P.DONE),
        ([S.ENDED], True, P.DONE),
    ],
)
def test_a_pilots_state_follows_from_its_allocations(states, draining, expected):
    assert pilot_state(states, draining, P.DONE) is expected


@pytest.mark.parametrize("end", [P.DONE, P.FAILED, P.CANCELLED])
def test_a_pilot_ends_as_it_was_told_when_its_last_allocation_has_ended(end):
    assert pilot_state([S.ENDED], False, end) is end
