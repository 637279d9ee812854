"""The reactor between a core and pilots that keep results: what is used where it lies, fetched, moved on, and lost."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.errors import DependencyError, JournalError, ResultLostError
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import EngineEvent, NodeUp, Outcomes, Revoked, Shipment, WorkerLost, WorkerUp
from pilot_quantum.resource.payload import dump_arguments, load_arguments
from pilot_quantum.resource.values.kept import Kept, Key, Words, are_words, decode
from pilot_quantum.resource.values.store import Store
from pilot_quantum.task.core import Core
from pilot_quantum.task.functions import ship
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.inputs import Inputs
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.task.reactor import Reactor
from pilot_quantum.task.submission import Handle
from pilot_quantum.workflow.graph import Graph

LIMIT = 60
NOWHERE = Path("/dev/null")


class Pilot:
    """An engine of one worker that keeps what it is told to, and sends it when a test says so."""

    def __init__(self, reactor: Reactor, name: str) -> None:
        self.reactor = reactor
        self.pilot = self.allocation = name
        self.worker = f"{name}/0"
        self.values: dict[Key, bytes] = {}
        self.ran: list[tuple[int, int, bool]] = []
        """Task, attempt, and whether an input of it was found here."""
        self.asked: list[Kept] = []
        self.fetching = threading.Event()

    def up(self) -> None:
        capacity = Capacity(1, 1, memory=1, capabilities=frozenset({self.pilot}))
        self.reactor.announce(self.pilot, capacity, None)
        self.reactor.emit(NodeUp(self.pilot, 0, capacity, group=self.allocation))
        self.reactor.emit(WorkerUp(self.pilot, self.worker))

    def ship(self, shipment: Shipment) -> None:
        function = pickle.loads(self.reactor.function(shipment.function))
        for task, attempt, payload, inputs in shipment.parcels:
            found = [self.values[decode(one)[:2]] if are_words(one) else one for one in inputs]
            self.ran.append((task, attempt, any(map(are_words, inputs))))
            args, kwargs = load_arguments(payload, found)
            value = pickle.dumps(function(*args, **kwargs))
            if shipment.keep:
                self.values[task, attempt] = value
                value = Kept(Words(task, attempt, len(value), "ab"), self).reference
            outcome = (task, attempt, 0.0, 0.001, True)
            self.reactor.deliver([(outcome, value, None)], NOWHERE, NOWHERE)
            self.reactor.emit(Outcomes(self.pilot, self.worker, [outcome]))

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        self.reactor.emit(Revoked(self.pilot, worker, []))

    def kill(self, worker: str, cause: str) -> None:
        raise AssertionError("nothing runs for long here")

    def fetch(self, kept: Kept) -> None:
        self.asked.append(kept)
        self.fetching.set()

    def let_go(self, key: Key) -> None:
        del self.values[key]

    def send(self) -> None:
        for kept in self.asked:
            self.reactor.ask(lambda kept=kept: kept.arrive(self.values[kept.key]))

    def lose(self) -> None:
        for kept in self.asked:
            self.reactor.ask(lambda kept=kept: kept.lose("killed"))


class World:
    """A reactor with two pilots, and what a session does with it. Implements `Engines` and `Owner`."""

    def __init__(self, folder: Path) -> None:
        self.journal = JournalWriter(folder, _fail)
        self.reactor = Reactor(Core(), self.journal)
        self.graph = Graph(self.reactor, self.journal, self.reactor.call_soon, Inputs(Store()))
        self.far, self.near = Pilot(self.reactor, "far"), Pilot(self.reactor, "near")
        self.reactor.start(self)
        for pilot in (self.far, self.near):
            self.reactor.call_soon(pilot.up)
        self._tasks = 0

    def engine(self, pilot: str, worker: str) -> Pilot:
        return self.far if pilot == "far" else self.near

    def observe(self, event: EngineEvent) -> Sequence[EngineEvent]:
        return [event]

    def stop(self, pilot: str) -> None:
        raise AssertionError("no pilot drains here")

    def give_back(self, pilot: str, nodes: Sequence[int]) -> None:
        raise AssertionError("no node drains here")

    def cancel_queued(self, future: TaskFuture[Any]) -> None:
        self.reactor.cancel([future])

    def submit(self, fn: Callable[..., Any], *args: Any, on: str = "", keep: bool = False) -> TaskFuture[Any]:
        function = ship(fn)
        self.reactor.register(function.digest, function.blob)
        needs = Needs(capabilities=[on]) if on else Needs()
        options = TaskOptions(needs=needs, keep_remote=keep)  # type: ignore[arg-type]
        self._tasks += 1
        data, inputs = dump_arguments(args, {})
        future: TaskFuture[Any] = TaskFuture(
            self._tasks, Handle(self, function, (function,), options, self._tasks), data, 0.0
        )
        if inputs:
            self.graph.hold(future, inputs)
        else:
            self.reactor.submit(future)
        return future

    def kept(self) -> TaskFuture[Any]:
        """A result that lies on the pilot `far`."""
        future = self.submit(_make, on="far", keep=True)
        assert future.exception(LIMIT) is None
        assert future.kept is not None
        return future

    def close(self) -> None:
        self.reactor.stop()
        self.journal.close()


def _fail(error: JournalError) -> None:
    raise error


def _make() -> list[int]:
    return [1, 2, 3]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_task_finds_it_where_it_lies(world: World) -> None:
    kept = world.kept()
    for _ in range(3):
        assert world.submit(sum, kept).result(LIMIT) == 6
    assert world.far.ran[1:] == [(2, 1, True), (3, 1, True), (4, 1, True)]
    assert world.far.asked == []
    assert kept.kept is not None


def test_elsewhere_it_waits_in_its_slot_and_says_for_what(world: World, tmp_path: Path) -> None:
    kept = world.kept()
    future = world.submit(sum, kept, on="near")
    assert world.far.fetching.wait(LIMIT)
    story = world.reactor.ask(lambda: world.reactor.feeding.story(future.id))
    assert "waits there for the result of task 1 (_make)" in story
    assert not future.done()
    world.far.send()
    assert future.result(LIMIT) == 6
    assert world.near.ran == [(2, 1, False)]
    assert world.reactor.ask(lambda: world.reactor.feeding.story(future.id)) == ""
    world.journal.flush()
    with JournalReader(tmp_path) as journal:
        told = [(one.subject, one.decision) for one in journal.decisions if "result" in one.decision]
    assert told == [("task 1", "result kept"), ("task 1", "result fetched")]


def test_one_that_is_lost_on_its_way_ends_who_waits_for_it_and_frees_the_slot(world: World) -> None:
    kept = world.kept()
    first, behind = world.submit(sum, kept, on="near"), world.submit(sum, kept, on="near")
    after = world.submit(_make, on="near")
    assert world.far.fetching.wait(LIMIT)
    world.far.lose()
    for future in (first, behind):
        with pytest.raises(DependencyError, match=r"the result of task 1 \(_make\) is gone") as failure:
            future.result(LIMIT)
        assert isinstance(failure.value.__cause__, ResultLostError)
    assert after.result(LIMIT) == [1, 2, 3]
    with pytest.raises(DependencyError, match=r"task 1 \(_make\) failed: ResultLostError"):
        world.submit(sum, kept).result(LIMIT)
    assert world.reactor.core.outstanding == 0


def test_a_task_that_waits_for_it_can_be_cancelled_and_is_never_run(world: World) -> None:
    kept = world.kept()
    future, after = world.submit(sum, kept, on="near"), world.submit(_make, on="near")
    assert world.far.fetching.wait(LIMIT)
    world.reactor.cancel([future])
    assert after.result(LIMIT) == [1, 2, 3]
    world.far.send()
    with pytest.raises(CancelledError):
        future.result(LIMIT)
    assert [row[0] for row in world.near.ran] == [after.id]


def test_a_worker_that_is_lost_meanwhile_gets_it_once_when_it_is_back(world: World) -> None:
    kept = world.kept()
    future = world.submit(sum, kept, on="near")
    assert world.far.fetching.wait(LIMIT)

    def lose() -> None:
        world.reactor.emit(WorkerLost("near", "near/0", "killed"))
        world.reactor.emit(WorkerUp("near", "near/0"))

    world.reactor.ask(lose)
    world.far.send()
    assert future.result(LIMIT) == 6
    assert world.near.ran == [(2, 2, False)]


def test_it_is_let_go_with_the_last_that_needs_it(world: World) -> None:
    kept = world.kept()
    future = world.submit(sum, kept)
    del kept
    assert future.result(LIMIT) == 6
    world.reactor.wait_until_idle()
    assert world.far.values == {}


def test_at_the_end_all_is_fetched_or_lost_and_nobody_waits(world: World) -> None:
    fetched, lost = world.kept(), world.kept()
    world.far.fetch = lambda kept: world.reactor.call_soon(  # type: ignore[method-assign]
        lambda: kept.arrive(world.far.values[kept.key]) if kept is fetched.kept else kept.lose("killed")
    )
    world.reactor.fetch_kept()
    assert fetched.result(0) == [1, 2, 3]
    with pytest.raises(ResultLostError, match="killed"):
        lost.result(0)
    late = world.kept()
    world.reactor.lose_kept("nobody wants it")
    with pytest.raises(ResultLostError, match="nobody wants it"):
        late.result(LIMIT)
