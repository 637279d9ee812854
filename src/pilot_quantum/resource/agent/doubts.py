"""Failures that may be the doing of a batch system that ends the job: it signals the programs of tasks as well."""

from __future__ import annotations

from collections.abc import Callable

from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    EngineEvent,
    NodesLost,
    Outcomes,
    Revoked,
    WorkerLost,
    WorkerUp,
)

MOMENT = 0.5
"""Seconds in which SIGTERM comes to all processes of a job, on all of its nodes."""
_LEAST = 0.01
"""Seconds that a task must have run for its failure to be doubted: one that always fails fails at once."""


class Doubts:
    """Holds an event that tells of a failure for a moment, for at most as long as the task ran, and then says it.

    What its worker reports meanwhile comes after it. later(seconds, fn): calls `fn` then. say: tells of an event.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], None], say: Callable[[EngineEvent], None]) -> None:
        self._later = later
        self._say = say
        self._held: dict[str, list[EngineEvent]] = {}

    def holds(self, event: EngineEvent) -> bool:
        """Whether the event will be said later."""
        match event:
            case Began() | Outcomes() | Revoked() | WorkerLost() | WorkerUp() if event.worker in self._held:
                self._held[event.worker].append(event)
                return True
            case Outcomes():
                worker = event.worker
                seconds = max((ended - began for _, _, began, ended, ok in event.items if not ok), default=0.0)
                if seconds >= _LEAST:
                    self._held[worker] = [event]
                    self._later(min(seconds, MOMENT), lambda: self._release(worker))
                    return True
            case NodesLost() | EngineEnded():
                self.release()
        return False

    def release(self) -> None:
        """Say everything now."""
        for worker in list(self._held):
            self._release(worker)

    def _release(self, worker: str) -> None:
        for event in self._held.pop(worker, ()):
            self._say(event)
