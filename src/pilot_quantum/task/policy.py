"""Which queue is next, and where its head should run: the replaceable part of the scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pilot_quantum.task.queues import Queue


class Candidate(NamedTuple):
    """A place that is free now. `finish`: predicted monotonic seconds of the end there, or None when unknown."""

    pilot: str
    node: int
    choice: int
    finish: float | None
    free: int
    waited: int
    """How many bundles this pilot has been given: for policies that share evenly."""
    nodes: tuple[int, ...] = ()
    """The nodes of a gang, `node` the first of them; empty for a task of one node."""


class Policy(Protocol):
    """Sees queues and free places, never tasks."""

    def rank(self, queue: Queue) -> tuple[float, ...]:
        """The queue with the smallest rank is served next; asked anew whenever the queue has been served."""

    def place(self, queue: Queue, candidates: Sequence[Candidate]) -> Candidate:
        """One of `candidates` (never empty), all of which fit."""


class PriorityThenEarliestFinish:
    """Larger priority first, then first come first served; where the end is predicted to be earliest."""

    def rank(self, queue: Queue) -> tuple[float, ...]:
        """By priority, then by the age of the head."""
        return (-queue.key.priority, queue.head)

    def place(self, queue: Queue, candidates: Sequence[Candidate]) -> Candidate:
        """The earliest predicted finish; unknown ends by the user's order of variants, then by free cores."""
        if len(candidates) == 1:
            return candidates[0]
        if all(candidate.finish is not None for candidate in candidates):
            return min(candidates, key=lambda c: (c.finish or 0.0, c.choice, -c.free))
        return min(candidates, key=lambda c: (c.choice, -c.free))


class RoundRobin:
    """Every queue in turn, every pilot in turn; priorities and predictions are ignored."""

    def __init__(self) -> None:
        self._turn = 0

    def rank(self, queue: Queue) -> tuple[float, ...]:
        """The queue that was served longest ago."""
        self._turn += 1
        return (self._turn, queue.index)

    def place(self, queue: Queue, candidates: Sequence[Candidate]) -> Candidate:
        """The pilot that has been given least."""
        return min(candidates, key=lambda c: (c.waited, c.choice))
