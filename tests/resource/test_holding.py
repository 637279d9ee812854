"""A pilot's allocations: asked for, drained, replaced, requeued, lost; and what the scheduler is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import pytest

from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.elastic import Grow, Replace, Shrink
from pilot_quantum.resource.engines.events import (
    CapacityChanged,
    EngineEnded,
    EngineEvent,
    Expiring,
    NodesDraining,
    NodesLost,
    NodeUp,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.holding import Holding
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request
from pilot_quantum.resource.pilot import Controls, Pilot
from pilot_quantum.resource.state import PilotState

S = AllocationState
NODE = Capacity(1, 4, memory=100)


class Engine:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.started = False
        self.stopped = ""

    def start(self) -> None:
        self.started = True

    def stop(self, cause: str) -> None:
        self.stopped = self.stopped or cause


class Journal:
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str, str]] = []
        self.allocations: list[tuple[str, str, int, str]] = []

    def decision_row(self, mono: float, subject: str, decision: str, reason: str) -> None:
        self.decisions.append((subject, decision, reason))

    def allocation_row(self, mono: float, pilot: str, allocation: str, state: str, nodes: int, cause: str) -> None:
        self.allocations.append((allocation, state, nodes, cause))

    def worker_row(self, *row: Any) -> None:
        """Of no interest here."""


class World:
    """A holding, with a launcher, a loop and a scheduler that only remember."""

    def __init__(self, url: str, capacity: Capacity = NODE) -> None:
        description = PilotDescription(url, name="p")
        controls = Controls(drain=lambda: None, cancel=lambda: None, resize=lambda nodes: None)
        self.pilot = Pilot("p", description, capacity, controls, lambda pilot, cause: None)
        self.journal = Journal()
        self.engines: dict[str, Engine] = {}
        self.requests: list[Request] = []
        self.cancelled: list[str] = []
        self.refuse = ""
        self.told: list[EngineEvent] = []
        self.later: list[Callable[[], None]] = []
        self.holding = Holding(self.pilot, self, self, self.journal)  # type: ignore[arg-type]
        self._nodes = 0

    def launch(self, request: Request, events: AllocationEvents) -> Engine:
        if self.refuse:
            raise OSError(self.refuse)
        self.requests.append(request)
        engine = self.engines[request.allocation] = Engine()
        return engine

    def cancel(self, allocation: str) -> None:
        self.cancelled.append(allocation)

    def emit(self, event: EngineEvent) -> None:
        self.told += self.holding.observe(event)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        self.later.append(fn)

    def call_soon(self, fn: Callable[[], None]) -> None:
        fn()

    def up(self, allocation: str, nodes: int = 1, ends_at: float | None = None) -> list[int]:
        """The nodes of an allocation come up, with a worker each; their indexes."""
        first, self._nodes = self._nodes, self._nodes + nodes
        for node in range(first, first + nodes):
            self.emit(NodeUp("p", node, NODE, f"n{node}", allocation, ends_at))
            self.emit(WorkerUp("p", f"p/{node}.0", 1, node))
        return list(range(first, first + nodes))

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


def world(url: str = "slurm:///normal?nodes=2&cores=4", nodes: int = 2, capacity: Capacity = NODE) -> World:
    one = World(url, capacity)
    one.holding.launch(nodes, "a test")
    return one


def test_an_allocation_is_asked_for_followed_and_ended():
    one = world()
    assert one.engines["p.1"].started
    assert one.requests[0].nodes == one.requests[0].capacity.nodes == 2
    assert one.pilot.state is PilotState.QUEUED
    one.holding.moved("p.1", S.PENDING, "Resources")
    one.holding.moved("p.1", S.STARTING)
    assert one.pilot.state is PilotState.STARTING
    one.holding.moved("p.1", S.RUNNING)
    assert one.pilot.state is PilotState.STARTING  # until there is a worker
    one.up("p.1", 2)
    assert one.pilot.state is PilotState.ACTIVE
    one.holding.ended("p.1", "the job is complete", False)
    assert one.pilot.state is PilotState.DONE
    assert one.of(EngineEnded) == [EngineEnded("p", "the job is complete")]
    assert one.journal.decisions == [("p.1", "asked for 2 nodes", "a test")]
    assert [(state, cause) for _, state, _, cause in one.journal.allocations] == [
        ("submitted", "a test"),
        ("pending", "Resources"),
        ("starting", ""),
        ("running", ""),
        ("ended", "the job is complete"),
    ]


def test_a_refusal_fails_the_pilot_with_the_systems_words():
    one = World("slurm:///normal")
    one.refuse = "invalid account"
    one.holding.launch(1, "a test")
    assert one.pilot.state is PilotState.FAILED
    assert "invalid account" in one.of(EngineEnded)[0].cause
    assert "invalid account" in one.pilot.cause


def test_a_further_allocation_that_is_refused_leaves_the_pilot_as_it_is():
    one = world()
    one.up("p.1", 2)
    one.refuse = "the limit of your jobs is reached"
    one.told += one.holding.resize(3, "a test")
    assert one.pilot.state is PilotState.ACTIVE
    assert not one.of(EngineEnded)
    assert one.holding.nodes == 2


def test_growing_asks_for_the_difference_and_tells_what_there_will_be():
    one = world()
    one.up("p.1", 2)
    one.told += one.holding.resize(5, "a test")
    assert [request.nodes for request in one.requests] == [2, 3]
    assert one.of(CapacityChanged)[-1].capacity.nodes == 5
    assert one.holding.nodes == 5


def test_shrinking_gives_up_what_waits_first_and_drains_what_runs():
    one = world()
    first = one.up("p.1", 2)
    one.holding.resize(3, "more")
    one.told += one.holding.resize(2, "less")
    assert one.engines["p.2"].stopped == "less"
    assert "p.2" in one.cancelled
    assert not one.of(NodesDraining)
    one.told += one.holding.resize(1, "still less")
    assert one.of(NodesDraining) == [NodesDraining("p", first, "still less")]
    assert [request.nodes for request in one.requests] == [2, 1, 1]  # a smaller one takes the large one's place
    one.holding.give_back(first[:1])
    assert not one.engines["p.1"].stopped
    one.holding.give_back(first[1:])
    assert one.engines["p.1"].stopped == "still less"


def test_the_end_of_one_of_several_allocations_loses_its_nodes_only():
    one = world()
    first = one.up("p.1", 2)
    one.holding.resize(3, "more")
    one.up("p.2")
    one.holding.ended("p.1", "time limit", False)
    assert one.of(NodesLost) == [NodesLost("p", first, "time limit")]
    assert one.pilot.state is PilotState.ACTIVE
    one.holding.ended("p.1", "time limit, told twice", False)
    assert len(one.of(NodesLost)) == 1
    one.holding.ended("p.2", "node failure", True)
    assert one.pilot.state is PilotState.FAILED


def test_a_requeued_job_waits_again_and_comes_back_with_other_nodes():
    one = world()
    first = one.up("p.1", 2)
    one.emit(NodesLost("p", first, "requeued"))
    one.holding.moved("p.1", S.PENDING, "requeued")
    assert one.pilot.state is PilotState.QUEUED
    assert one.up("p.1", 2) == [2, 3]
    assert one.pilot.state is PilotState.ACTIVE


def test_nobody_knows_is_no_verdict():
    one = world()
    one.up("p.1", 2)
    one.holding.moved("p.1", S.UNKNOWN, "squeue does not answer")
    assert not one.told or not one.of(EngineEnded)
    assert not one.pilot.state.final
    one.holding.moved("p.1", S.RUNNING)
    assert one.pilot.state is PilotState.ACTIVE


def test_an_allocation_that_expires_drains():
    one = world()
    nodes = one.up("p.1", 2)
    one.emit(Expiring("p", "SIGTERM", "p.1"))
    one.emit(Expiring("p", "SIGTERM again", "p.1"))
    assert one.of(NodesDraining) == [NodesDraining("p", nodes, "SIGTERM")]


def test_a_successor_drains_what_it_replaces_once_all_of_it_is_there():
    one = world("slurm:///normal?nodes=2&cores=4&replace_before=60")
    old = one.up("p.1", 2, ends_at=1000.0)
    (part,) = one.holding.standing({}).parts
    assert (part.ends_at, part.replaced) == (1000.0, False)
    one.holding.take(Replace("p.1", 2, "it ends"))
    assert [part.replaced for part in one.holding.standing({}).parts] == [True, False]
    one.up("p.2")
    assert not one.of(NodesDraining)
    one.up("p.2")
    assert one.of(NodesDraining) == [NodesDraining("p", old, "replaced by p.2")]


def test_a_pilot_that_grows_by_itself_lives_on_without_any_allocation():
    one = world("slurm:///normal?cores=4&min_nodes=0&max_nodes=2", 1)
    (node,) = one.up("p.1")
    (part,) = one.holding.standing({("p", node): 7.0}).parts
    assert part.idle_since == 7.0
    one.told += one.holding.take(Shrink("p.1", "idle"))
    one.holding.give_back([node])
    one.holding.ended("p.1", "cancelled", False)
    assert one.pilot.state is PilotState.QUEUED
    one.holding.take(Grow(2, "work waits"))
    one.up("p.2", 2)
    assert one.pilot.state is PilotState.ACTIVE
    assert one.holding.drain()
    one.holding.end("drained")
    one.holding.ended("p.2", "drained", False)
    assert one.pilot.state is PilotState.DONE


@pytest.mark.parametrize(("end", "state"), [(PilotState.DONE, "done"), (PilotState.CANCELLED, "cancelled")])
def test_an_end_ends_all_allocations(end: PilotState, state: str):
    one = world()
    one.holding.resize(3, "more")
    one.holding.end("enough", end)
    assert [engine.stopped for engine in one.engines.values()] == ["enough", "enough"]
    for allocation in ("p.1", "p.2"):
        one.holding.ended(allocation, "enough", False)
    assert one.pilot.state.value == state


def test_what_was_not_known_is_known_with_the_first_node():
    one = world(capacity=Capacity(2, LATER, LATER, 0, LATER))
    one.up("p.1", 2)
    assert one.of(CapacityChanged) == [CapacityChanged("p", Capacity(2, 4, 0, 0, 100))]
    assert one.pilot.capacity.cores == 4


def test_a_worker_is_told_by_its_own_engine():
    one = world()
    one.up("p.1", 2)
    one.holding.resize(3, "more")
    one.up("p.2")
    engines: Sequence[Any] = list(one.engines.values())
    assert [one.holding.engine(f"p/{node}.0") for node in range(3)] == [engines[0], engines[0], engines[1]]


def test_another_reason_to_wait_is_kept_and_told():
    one = world()
    one.holding.moved("p.1", S.PENDING, "Priority")
    one.holding.moved("p.1", S.PENDING, "Resources")
    one.holding.moved("p.1", S.PENDING, "Resources")
    assert [cause for _, state, _, cause in one.journal.allocations if state == "pending"] == ["Priority", "Resources"]
    story = one.holding.story(monotonic())
    assert "p.1 (2 nodes) is pending for" in story
    assert "(Resources)" in story
    assert "p.1: asked for 2 nodes" in story
    assert "ago (a test)" in story


def test_the_story_of_a_pilot_with_nothing_says_when_it_asks():
    one = World("slurm:///normal?cores=4&min_nodes=0&max_nodes=2&hold=3")
    assert one.holding.story(monotonic()) == "it has no nodes now, and asks for some when work has waited for 3 s"


def test_a_pilot_that_has_shrunk_to_nothing_can_be_ended():
    one = world("slurm:///normal?cores=4&min_nodes=0&max_nodes=2", 1)
    (node,) = one.up("p.1")
    one.told += one.holding.take(Shrink("p.1", "idle"))
    one.holding.give_back([node])
    one.holding.ended("p.1", "cancelled", False)
    one.holding.end("drained")
    assert one.pilot.state is PilotState.DONE
    assert one.of(EngineEnded) == [EngineEnded("p", "drained")]


def test_one_that_lives_on_with_nothing_fails_when_it_never_had_anything():
    one = World("slurm:///normal?cores=4&min_nodes=0&max_nodes=2")
    for index in range(1, 4):
        assert not one.pilot.state.final
        one.holding.take(Grow(1, "work waits"))
        one.holding.ended(f"p.{index}", "Slurm refuses the job: Invalid account", True)
        assert "nothing more is asked for within" in one.holding.story(monotonic()) or index == 3
    assert one.pilot.state is PilotState.FAILED
    assert "Invalid account" in one.pilot.cause


def test_one_that_had_something_goes_on_asking():
    one = world("slurm:///normal?cores=4&min_nodes=0&max_nodes=2", 1)
    one.up("p.1")
    for index in range(1, 7):
        one.holding.ended(f"p.{index}", "a node of it failed", True)
        one.holding.take(Grow(1, "work waits"))
    assert one.pilot.state is PilotState.QUEUED


def test_a_resize_holds_where_the_pilot_replaces_its_allocations():
    one = world("slurm:///normal?nodes=2&cores=4&replace_before=60")
    one.up("p.1", 2)
    one.holding.resize(1, "less")
    standing = one.holding.standing({})
    assert (standing.least, standing.most) == (1, 1)


def test_an_allocation_and_its_successor_count_once_and_go_together():
    one = world("slurm:///normal?cores=4&replace_before=60", 1)
    old = one.up("p.1", ends_at=1000.0)
    one.holding.take(Replace("p.1", 1, "it ends"))
    assert one.holding.nodes == 1
    one.holding.resize(2, "more")
    assert [request.nodes for request in one.requests] == [1, 1, 1]
    one.up("p.3")
    one.told += one.holding.resize(1, "less")
    assert one.engines["p.2"].stopped == "less"  # it waits
    assert one.of(NodesDraining) == [NodesDraining("p", old, "less")]
    assert not one.engines["p.3"].stopped


def test_a_successor_that_is_refused_is_asked_for_again():
    one = world("slurm:///normal?cores=4&replace_before=60", 1)
    one.up("p.1", ends_at=1000.0)
    one.refuse = "the limit of your jobs is reached"
    one.holding.take(Replace("p.1", 1, "it ends"))
    (part,) = one.holding.standing({}).parts
    assert not part.replaced


def test_of_several_allocations_those_go_that_fit_what_is_too_much():
    one = world(nodes=1)
    one.up("p.1")
    one.holding.resize(4, "more")
    one.up("p.2", 3)
    one.told += one.holding.resize(3, "less")
    assert [event.nodes for event in one.of(NodesDraining)] == [[0]]
    assert len(one.requests) == 2


def test_a_pilot_that_drains_asks_for_nothing_more():
    one = world()
    one.holding.drain()
    assert one.holding.resize(5, "more") == []
    assert len(one.requests) == 1


def test_the_pilot_knows_how_many_nodes_are_up():
    one = world()
    one.up("p.1", 2)
    assert one.pilot.nodes == 2
    one.holding.ended("p.1", "over", False)
    assert one.pilot.nodes == 0


def test_a_pilot_that_is_simply_there_has_no_story():
    one = world()
    one.up("p.1", 2)
    assert one.holding.story(monotonic()) == ""
    one.holding.take(Shrink("p.1", "idle"))
    assert one.holding.story(monotonic()).startswith("p.1 (2 nodes) is draining (shrink: idle); p.1: drain ")


def test_an_expiring_allocation_that_nobody_ends_is_given_back_in_the_end():
    one = world()
    nodes = one.up("p.1", 2)
    one.emit(Expiring("p", "SIGTERM", "p.1"))
    one.holding.give_back(nodes)
    assert not one.engines["p.1"].stopped  # the batch system will, and may queue it again
    one.later.pop()()
    assert one.engines["p.1"].stopped == "SIGTERM"


def test_what_is_lost_while_a_batch_system_ends_the_job_costs_tasks_nothing():
    one = world()
    nodes = one.up("p.1", 2)
    one.emit(WorkerLost("p", "p/0.0", "killed by SIGKILL"))
    one.emit(Expiring("p", "SIGTERM", "p.1"))
    one.emit(WorkerLost("p", "p/1.0", "killed by SIGTERM"))
    one.emit(NodesLost("p", nodes[:1], "srun was signalled", charged=True))
    assert [event.charged for event in (*one.of(WorkerLost), *one.of(NodesLost))] == [True, False, False]


def test_an_allocation_that_is_requeued_after_a_warning_serves_again():
    one = world()
    nodes = one.up("p.1", 2)
    one.emit(Expiring("p", "SIGTERM", "p.1"))
    one.emit(NodesLost("p", nodes, "requeued"))
    one.holding.moved("p.1", S.PENDING, "requeued")
    one.up("p.1", 2)
    assert one.pilot.state is PilotState.ACTIVE
    assert one.holding.nodes == 2
    one.later.pop()()  # the time for the first warning is over, and says nothing about the second run
    assert not one.engines["p.1"].stopped


def test_an_allocation_that_is_requeued_while_it_is_given_up_is_not_waited_for():
    one = world("slurm:///normal?cores=4&min_nodes=0&max_nodes=2", 1)
    nodes = one.up("p.1")
    one.holding.take(Shrink("p.1", "idle"))
    one.emit(NodesLost("p", nodes, "requeued"))
    one.holding.moved("p.1", S.PENDING, "requeued")
    assert one.engines["p.1"].stopped == "shrink: idle"
    assert one.cancelled == ["p.1"]


class Keeper(Engine):
    """An engine with which results are kept; it hands them over when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def hand_over(self, done: Callable[[], None]) -> None:
        self.waiting.append(done)


def test_an_allocation_ends_when_it_has_handed_its_results_over_unless_it_is_cancelled() -> None:
    for cancelled in (False, True):
        world = World("slurm:///gpu?nodes=1&walltime=1h")
        name = world.holding.launch(1, "a pilot was added")
        keeper = world.holding.allocations[name].engine = Keeper()  # type: ignore[assignment]
        (node,) = world.up(name)
        if cancelled:
            world.holding.end("cancelled", PilotState.CANCELLED)
            assert keeper.waiting == []
        else:
            world.holding.resize(0, "smaller")
            world.holding.give_back([node])
            assert (keeper.stopped, world.cancelled, len(keeper.waiting)) == ("", [], 1)
            keeper.waiting[0]()
        assert keeper.stopped
        assert world.cancelled == [name]
