"""The states of an allocation, and the table of legal transitions."""

from __future__ import annotations

from enum import StrEnum, auto


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
