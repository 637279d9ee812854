"""Failures are held back for a moment, where a batch system may be their cause, and what follows them too."""

from __future__ import annotations

from collections.abc import Callable

from pilot_quantum.resource.agent.doubts import MOMENT, Doubts
from pilot_quantum.resource.engines.events import Began, EngineEvent, NodesLost, Outcomes, WorkerLost


class World:
    """Doubts, with a clock that only remembers."""

    def __init__(self) -> None:
        self.said: list[EngineEvent] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.doubts = Doubts(lambda seconds, fn: self.later.append((seconds, fn)), self.said.append)

    def tell(self, event: EngineEvent) -> None:
        if not self.doubts.holds(event):
            self.said.append(event)


def ended(task: int, took: float, ok: bool, worker: str = "p/0.0") -> Outcomes:
    return Outcomes("p", worker, [(task, 1, 100.0, 100.0 + took, ok)])


def test_a_failure_is_said_after_a_moment_or_as_long_as_the_task_ran() -> None:
    world = World()
    failure = ended(1, 30.0, ok=False)
    world.tell(failure)
    world.tell(ended(2, 0.25, ok=False, worker="p/0.1"))
    assert world.said == []
    assert [seconds for seconds, _ in world.later] == [MOMENT, 0.25]
    world.later[0][1]()
    assert world.said == [failure]


def test_success_and_what_fails_at_once_are_said_at_once() -> None:
    world = World()
    events = [ended(1, 30.0, ok=True), ended(2, 0.001, ok=False)]
    for event in events:
        world.tell(event)
    assert world.said == events


def test_what_a_worker_reports_after_a_failure_comes_after_it() -> None:
    world = World()
    own = [ended(1, 1.0, ok=False), Began("p", "p/0.0", 2, 1, 101.0), ended(2, 1.0, ok=True)]
    own.append(WorkerLost("p", "p/0.0", "gone"))
    other = ended(3, 1.0, ok=True, worker="p/0.1")
    for event in (*own, other):
        world.tell(event)
    assert world.said == [other]
    world.later[0][1]()
    assert world.said == [other, *own]
    world.tell(other)
    assert world.said[-1] is other


def test_the_loss_of_a_node_comes_after_all_that_was_held() -> None:
    world = World()
    failure, loss = ended(1, 1.0, ok=False), NodesLost("p", [0], "gone")
    world.tell(failure)
    world.tell(loss)
    assert world.said == [failure, loss]
    world.later[0][1]()
    assert world.said == [failure, loss]
