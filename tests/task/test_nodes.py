"""Nodes come up late, drain, expire and are lost while tasks wait and run."""

from __future__ import annotations

import pytest

from pilot_quantum.errors import UnsatisfiableError
from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.engines.events import CapacityChanged, NodesLost, NodeUp, WorkerLost, WorkerUp
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.state import TaskState

from .harness import Harness


def test_tasks_wait_for_the_nodes_of_an_announced_pilot(core: Harness) -> None:
    core.pilot(cores=2, up=False)
    task = core.submit()
    assert "when its nodes are up" in core.explain(task)
    core.node_up("p1", 0)
    assert core.where(task)


def test_a_worker_on_a_node_that_was_never_there_is_a_defect(core: Harness) -> None:
    core.pilot(up=False)
    with pytest.raises(AssertionError, match="never there"):
        core.core.handle([WorkerUp("p1", "p1/0", node=3)], 0.0)


def test_amounts_that_nobody_knows_yet_are_enough_until_a_node_says_otherwise(core: Harness) -> None:
    core.pilot(cores=LATER, gpus=LATER, memory=LATER, up=False)
    wide = core.submit(needs=Needs(cores=16), fn="wide")
    gpu = core.submit(needs=Needs(gpus=1), fn="gpu")
    assert core.state(wide) is core.state(gpu) is TaskState.QUEUED
    core.node_up("p1", 0, capacity=Capacity(1, 16, 0, memory=100))
    assert core.where(wide)
    assert isinstance(core.resolved[gpu].error, UnsatisfiableError)
    assert "has 0" in core.error(gpu)


def test_a_node_that_turned_out_larger_counts(core: Harness) -> None:
    core.pilot(cores=2, nodes=2, up=False)
    core.node_up("p1", 0, capacity=Capacity(1, 8, memory=100))
    assert core.where(core.submit(needs=Needs(cores=8)))


def test_what_all_nodes_together_turn_out_not_to_have_cannot_run(core: Harness) -> None:
    core.pilot(cores=4, nodes=2, up=False)
    task = core.submit(needs=Needs(cores=4))
    core.node_up("p1", 0, capacity=Capacity(1, 2, memory=100))
    assert core.state(task) is TaskState.QUEUED
    core.node_up("p1", 1, capacity=Capacity(1, 3, memory=100))
    assert "needs 4 cores on one node, has 3" in core.error(task)


def test_a_pilot_that_grows_can_run_what_it_could_not_before(core: Harness) -> None:
    core.pilot(cores=2)
    gang = core.submit(needs=Needs(nodes=2), wait_for_capacity=True)
    assert "cannot: needs 2 nodes, has 1" in core.explain(gang)
    assert core.wanted[-1].needs.nodes == 2
    assert "no pilot has" in core.wanted[-1].reason
    core.feed(CapacityChanged("p1", Capacity(2, 2, memory=2**30)))
    assert "cannot" not in core.explain(gang)
    core.node_up("p1", 1)
    assert core.where(gang) == "p1/1"


def test_draining_nodes_take_nothing_new_give_back_what_has_not_begun_and_are_given_back(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(100)
    for _ in range(2):
        for worker in list(core.workers):
            core.finish(worker, took=0.0005)
    first = core.workers["p1/0"]
    core.begin(first.name)
    assert len(first.items) > 1
    core.drain_nodes("p1", 0)
    assert len(first.items) == 1
    assert core.given_back == []
    core.drain_nodes("p1", 0)
    core.finish("p1/0")
    assert core.given_back == [("p1", 0)]
    assert core.stopped == []
    core.run()
    assert len(core.resolved) == 100


def test_a_node_that_has_nothing_is_given_back_at_once(core: Harness) -> None:
    core.pilot(nodes=2)
    core.drain_nodes("p1", 0, 1)
    assert core.given_back == [("p1", 0), ("p1", 1)]
    task = core.submit()
    assert core.state(task) is TaskState.QUEUED
    assert "draining (walltime)" in core.explain(task)
    core.node_up("p1", 2)
    assert core.where(task)


def test_what_ran_on_a_lost_node_waits_again_and_nobody_pays(core: Harness) -> None:
    core.pilot(nodes=2)
    task = core.submit()
    for node in range(8):
        worker = core.where(task)
        assert worker is not None
        core.begin(worker)
        core.lose_nodes("p1", core.workers[worker].node)
        core.node_up("p1", node + 2)
    core.run()
    assert core.state(task) is TaskState.DONE
    assert core.resolved[task].attempt == 9


def test_a_fault_of_a_node_costs_a_lone_task_a_crash(core: Harness) -> None:
    core.pilot()
    task = core.submit()
    for node in range(3):
        assert task not in core.resolved
        core.lose_nodes("p1", node, charged=True)
        core.node_up("p1", node + 1)
    assert core.state(task) is TaskState.FAILED


def test_a_pilot_without_nodes_stays_announced_until_it_ends(core: Harness) -> None:
    core.pilot()
    task = core.submit()
    core.lose_nodes("p1", 0, cause="requeued")
    assert core.state(task) is TaskState.QUEUED
    core.node_up("p1", 1)
    assert core.where(task)


def test_late_words_about_a_lost_node_change_nothing(core: Harness) -> None:
    core.pilot(cores=2)
    core.submit()
    core.lose_nodes("p1", 0)
    core.feed(
        WorkerUp("p1", "p1/0"),
        WorkerLost("p1", "p1/1", "gone"),
        NodeUp("p1", 0, Capacity(1, 2)),
        NodesLost("p1", [0], "again"),
    )
    core.drain_nodes("p1", 0)
    assert core.given_back == []
    assert core.core.idle_nodes(0.0) == {}


def test_draining_a_pilot_whose_nodes_are_not_up_ends_it(core: Harness) -> None:
    core.pilot(up=False)
    core.drain("p1")
    assert core.stopped == ["p1"]


def test_nothing_is_begun_on_a_node_that_cannot_end_in_the_time_left_there(core: Harness) -> None:
    core.pilot(nodes=2, up=False)
    core.node_up("p1", 0, ends_in=10)
    core.node_up("p1", 1, ends_in=100)
    tasks = core.submit(2, expected_duration=50)
    assert core.where(tasks) == "p1/1.0"
    assert core.where(tasks + 1) is None
    core.finish("p1/1.0", took=20)
    core.wait(81)
    assert "left, the task is expected to take" in core.explain(core.submit(expected_duration=50))


def test_workers_with_walltime_are_given_more_while_the_time_suffices(core: Harness) -> None:
    core.pilot(ends_in=0.5)
    core.submit(200)
    core.now = 0.01
    core.finish("p1/0", took=0.01)
    while len(core.workers["p1/0"].items) > 1:
        core.now += 0.01
        core.finish("p1/0", took=0.01)
    core.now += 0.002
    while core.workers["p1/0"].items:
        core.now += 0.01
        core.finish("p1/0", took=0.01)
        assert core.now + 0.01 * len(core.workers["p1/0"].items) <= 0.5 + 1e-6
    assert len(core.resolved) > 40


def test_a_renewed_end_of_a_node_counts(core: Harness) -> None:
    core.pilot(up=False)
    core.node_up("p1", 0, ends_in=10)
    task = core.submit(expected_duration=50)
    assert core.where(task) is None
    core.feed(NodeUp("p1", 0, core.capacity["p1"], ends_at=1000.0))
    assert core.where(task)


def test_idle_nodes_are_told_with_the_time_since_when(core: Harness) -> None:
    core.pilot(nodes=2)
    core.now = 5.0
    task = core.submit()
    worker = core.where(task) or ""
    other = 1 - core.workers[worker].node
    assert core.core.idle_nodes(6.0) == {("p1", other): 0.0}
    core.now = 7.0
    core.finish(worker, took=2.0)
    assert core.core.idle_nodes(9.0) == {("p1", other): 0.0, ("p1", 1 - other): 7.0}


def test_the_backlog_says_what_waits_since_when_and_who_could_run_it(core: Harness) -> None:
    core.pilot(cores=2)
    core.pilot(gpus=1, up=False)
    core.submit(3, fn="small", expected_duration=60)
    core.now = 4.0
    core.submit(2, needs=Needs(gpus=1), fn="gpu")
    core.submit(needs=Needs(nodes=2), fn="gang", wait_for_capacity=True)
    small, gpu, gang = core.core.backlog(9.0)
    assert (small.tasks, small.seconds, small.since, small.fits) == (1, 60, 0.0, {"p1", "p2"})
    assert (gpu.tasks, gpu.amounts.gpus, gpu.since, gpu.fits) == (2, 1, 4.0, {"p2"})
    assert (gang.nodes, gang.fits) == (2, {"p1", "p2"})


def test_a_home_is_forgotten_with_its_node(core: Harness) -> None:
    core.pilot(nodes=3)
    home = core.where(core.submit(affinity="loop")) or ""
    core.finish(home)
    assert core.where(core.submit(affinity="loop")) == home
    core.lose_nodes("p1", core.workers[home].node)
    core.run()
    other = core.where(core.submit(affinity="loop")) or ""
    core.finish(other)
    assert core.where(core.submit(affinity="loop")) == other != home


def test_affinity_finds_its_home_among_several_pilots_and_nodes(core: Harness) -> None:
    core.pilot(nodes=2)
    core.pilot(nodes=2)
    blockers = core.submit(3, fn="other")
    home = core.where(core.submit(affinity="loop")) or ""
    for worker in list(core.workers):
        core.finish(worker)
    assert blockers in core.resolved
    for _ in range(3):
        assert core.where(core.submit(affinity="loop")) == home
        core.finish(home)


def test_a_pilot_that_joins_last_takes_work_that_was_shipped_before_it_existed(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(60)
    core.finish("p1/0", took=0.001)
    core.begin("p1/0")
    shipped = {task for task, _ in core.workers["p1/0"].items[1:]}
    assert len(shipped) > 10
    core.cancel(*[task for task in range(1, 61) if core.state(task) is TaskState.QUEUED])
    core.pilot(cores=1)
    core.wait(1.0)
    assert {task for task, _ in core.workers["p2/0"].items} & shipped
    core.run()
    assert len(core.resolved) == 60


def test_what_a_pilot_waits_for_itself_is_told_where_the_task_could_run(core: Harness) -> None:
    able, unable = core.pilot(cores=4, up=False), core.pilot(cores=1, up=False)
    task = core.submit(needs=Needs(cores=4))
    words = core.core.explain(task, core.now, {able: "its job waits (Resources)", unable: "its job waits (Priority)"})
    assert f"{able}: can: when its nodes are up.\n    its job waits (Resources)." in words
    assert "Priority" not in words
