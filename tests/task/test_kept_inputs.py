"""The core on results that stay on pilots: tasks go where their inputs lie while that is free, and end with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.task.harness import Harness

from pilot_quantum.errors import DependencyError
from pilot_quantum.resource.engines.events import Revoked
from pilot_quantum.task.events import Unfed
from pilot_quantum.task.instructions import Ship
from pilot_quantum.task.policy import RoundRobin
from pilot_quantum.task.state import TaskState

LOST = DependencyError("its input is gone")


@pytest.mark.parametrize("policy", [None, RoundRobin()])
@pytest.mark.parametrize("place", ["one", "two"])
def test_a_task_goes_where_its_inputs_lie_while_that_is_free_and_elsewhere_when_not(policy, place) -> None:
    core = Harness(policy)
    first, second = core.pilot(cores=2, group="one"), core.pilot(cores=2, group="two")
    there, other = (first, second) if place == "one" else (second, first)
    tasks = [core.submit(near=place) for _ in range(3)]
    pilots = [core.where(task).partition("/")[0] for task in tasks]  # type: ignore[union-attr]
    assert pilots == [there, there, other]


def test_a_place_that_is_gone_is_no_reason_to_wait() -> None:
    core = Harness()
    pilot = core.pilot(cores=1, group="one")
    assert core.where(core.submit(near="gone")) == f"{pilot}/0"


def test_what_is_to_be_kept_is_said_with_the_shipment() -> None:
    core, said = Harness(), list[bool]()
    ship = core._ship

    def noted(instruction: Ship) -> None:
        said.append(instruction.keep)
        ship(instruction)

    core._ship = noted  # type: ignore[method-assign]
    core.pilot(cores=2)
    core.submit(keep_remote=True)
    core.submit()
    assert said == [True, False]


def test_a_queued_task_ends_with_its_lost_input_and_others_go_on() -> None:
    core = Harness()
    core.pilot(cores=1)
    first = core.submit(3, fn="g")
    core.feed(Unfed([(first + 1, LOST), (99, LOST)]))
    assert core.state(first + 1) is TaskState.FAILED
    assert core.resolved[first + 1].error is LOST
    core.run()
    assert [core.state(task) for task in (first, first + 2)] == [TaskState.DONE] * 2
    assert core.core.outstanding == 0


def test_a_task_that_was_placed_but_waits_for_its_input_comes_back_and_ends_with_it() -> None:
    core = Harness()
    pilot = core.pilot(cores=1)
    task = core.submit()
    worker = f"{pilot}/0"
    assert core.core.has(worker, task, 1)
    assert not core.core.has(worker, task, 2)
    core.workers[worker].items.clear()
    core.feed(Revoked(pilot, worker, [(task, 1)]), Unfed([(task, LOST)]))
    assert core.state(task) is TaskState.FAILED
    assert not core.core.has(worker, task, 1)
    core.submit(fn="g")
    core.run()
    assert core.core.outstanding == 0


def test_a_task_that_runs_has_its_input_and_goes_on() -> None:
    core = Harness()
    pilot = core.pilot(cores=1)
    task = core.submit()
    core.begin(f"{pilot}/0")
    core.feed(Unfed([(task, LOST)]))
    core.run()
    assert core.state(task) is TaskState.DONE


def test_a_cancelled_one_and_one_whose_worker_is_being_ended_are_not_sent_any_more() -> None:
    core = Harness(prompt=False)
    pilot = core.pilot(cores=2)
    one, two = core.submit(), core.submit(fn="g")
    core.cancel(one)
    assert not core.core.has(f"{pilot}/0", one, 1)
    core.begin(f"{pilot}/1")
    core.cancel(two)
    assert not core.core.has(f"{pilot}/1", two, 1)


@given(
    st.lists(st.sampled_from(["", "one", "two"]), min_size=1, max_size=12),
    st.sets(st.integers(1, 12)),
    st.integers(0, 5),
)
def test_every_task_ends_once_whatever_is_lost(places: list[str], lost: set[int], steps: int) -> None:
    core = Harness()
    core.pilot(cores=1, group="one")
    core.pilot(cores=1, group="two")
    tasks = [core.submit(near=place) for place in places]
    for _ in range(steps):
        busy = [double.name for double in core.workers.values() if double.items]
        if busy:
            core.finish(busy[0])
    before = {task: core.state(task) for task in tasks}
    core.feed(Unfed([(task, LOST) for task in lost]))
    core.run()
    for task in tasks:
        failed = task in lost and before[task] is TaskState.QUEUED
        assert core.state(task) is (TaskState.FAILED if failed else TaskState.DONE)
    assert core.core.outstanding == 0
