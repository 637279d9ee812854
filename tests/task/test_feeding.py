"""Tasks get results that are kept on pilots: by their words where these lie, else once they have come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pilot_quantum.errors import ResultLostError
from pilot_quantum.resource.values.kept import Kept, Key, Words, are_words
from pilot_quantum.task.feeding import Feeding, near, needs, unfed
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.instructions import Ship
from pilot_quantum.task.submission import Handle

SHIP = Ship("p", "p/0", "f", 1, (), [(9, 1)])
KEY = (9, 1)


class Keeper:
    """The engine where results are kept."""

    pilot = "far"

    def __init__(self, allocation: str = "far.1") -> None:
        self.allocation = allocation
        self.fetched: list[Key] = []

    def fetch(self, kept: Kept) -> None:
        self.fetched.append(kept.key)

    def let_go(self, key: Key) -> None:
        """Nothing to do."""

    def kept(self, task: int, size: int = 10) -> Kept:
        kept = Kept(Words(task, 1, size, "ab"), self)
        kept.label = "make"
        return kept


class Bench:
    """Feeding, and what it says."""

    def __init__(self) -> None:
        self.again: list[tuple[Ship, Key]] = []
        self.lost: list[tuple[Ship, Key, Kept]] = []
        self.feeding = Feeding(lambda *args: self.again.append(args), lambda *args: self.lost.append(args))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def task(*inputs: bytes | Kept) -> TaskFuture[Any]:
    future: TaskFuture[Any] = TaskFuture(9, cast(Handle, SimpleNamespace(label="use")), b"", 0.0)
    future.inputs = tuple(one.reference if isinstance(one, Kept) else one for one in inputs)
    return future


def test_where_it_lies_its_words_are_enough(bench: Bench) -> None:
    keeper = Keeper()
    one, here = keeper.kept(1), keeper.kept(2)
    here.arrive(b"come")
    fed = bench.feeding.inputs(SHIP, KEY, task(b"plain", one, here), keeper)
    assert fed == (b"plain", one.words.encode(), b"come")
    assert type(fed[1]) is bytes
    assert are_words(fed[1])
    assert keeper.fetched == []


def test_elsewhere_the_task_is_held_until_each_has_come(bench: Bench) -> None:
    keeper, other = Keeper(), Keeper("other.1")
    one, two = keeper.kept(1), keeper.kept(2)
    future = task(one, two)
    assert bench.feeding.inputs(SHIP, KEY, future, other) is None
    assert keeper.fetched == [(1, 1), (2, 1)]
    assert one.why == "task 9 needs it on worker p/0"
    one.arrive(b"one")
    assert bench.again == [(SHIP, KEY)]
    assert bench.feeding.inputs(SHIP, KEY, future, other) is None
    two.arrive(b"two")
    assert len(bench.again) == 2
    assert bench.feeding.inputs(SHIP, KEY, future, other) == (b"one", b"two")
    assert keeper.fetched == [(1, 1), (2, 1)]


def test_a_held_task_can_be_taken_back_and_is_not_sent_then(bench: Bench) -> None:
    kept = Keeper().kept(1)
    assert bench.feeding.inputs(SHIP, KEY, task(kept), object()) is None
    assert bench.feeding.withdraw([KEY, (8, 1)]) == [KEY]
    assert bench.feeding.withdraw([KEY]) == []
    kept.arrive(b"one")
    assert bench.again == []


def test_a_lost_one_is_told_and_names_where_it_began(bench: Bench) -> None:
    kept = Keeper().kept(1)
    future = task(b"plain", kept)
    kept.lose("killed")
    assert bench.feeding.inputs(SHIP, KEY, future, object()) is None
    assert bench.lost == [(SHIP, KEY, kept)]
    error = unfed(future, kept)
    assert "task 9 (use) was not run" in str(error)
    assert error.origin == "1 (make)"
    assert isinstance(error.__cause__, ResultLostError)


def test_a_task_is_near_the_allocation_that_has_most_of_what_it_needs() -> None:
    here, there = Keeper("here.1"), Keeper("there.1")
    small, large, other = here.kept(1, 10), there.kept(2, 30), here.kept(3, 15)
    assert near(task(b"plain")) == ""
    assert near(task(small, large, other)) == "there.1"
    large.arrive(b"come")
    assert near(task(small, large, other)) == "here.1"
    assert needs(task(small), small)
    assert not needs(task(small, b""), large)
