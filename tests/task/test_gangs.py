"""Gangs: several nodes at once, reserved as they free; and what becomes of them when one of their nodes goes."""

from __future__ import annotations

from pilot_quantum.errors import UnsatisfiableError
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.state import TaskState

from .harness import Harness

PAIR = Needs(nodes=2)


def test_a_gang_takes_cores_on_different_nodes_and_is_led_from_the_first(core: Harness) -> None:
    core.pilot(cores=2, nodes=3)
    gang = core.submit(needs=Needs(nodes=3, cores=2))
    lead = core.where(gang)
    assert lead == "p1/1"
    assert core.workers[lead].nodes == (0, 1, 2)
    assert core.where(core.submit(fn="small")) is None
    core.finish(lead)
    assert core.where(core.submit(fn="small", priority=1))


def test_a_gang_stays_within_one_allocation(core: Harness) -> None:
    core.pilot(nodes=4, up=False)
    for node, group in enumerate("abab"):
        core.node_up("p1", node, group)
    gang = core.submit(needs=PAIR)
    assert core.workers[core.where(gang) or ""].nodes in ((0, 2), (1, 3))


def test_a_gang_that_no_allocation_can_hold_fails_once_all_are_there(core: Harness) -> None:
    core.pilot(nodes=3, up=False)
    gang = core.submit(needs=Needs(nodes=3))
    for node, group in enumerate("aab"):
        core.node_up("p1", node, group)
    assert isinstance(core.resolved[gang].error, UnsatisfiableError)
    assert "needs 3 nodes, has 2" in core.error(gang)


def test_gangs_and_tightly_coupled_tasks_are_never_bundled(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(20, needs=PAIR, fn="gang")
    core.finish("p1/0", took=0.0001)
    assert len(core.workers["p1/0"].items) == 1
    core.run()
    core.submit(20, fn="tight", coupling="tight")
    core.finish("p1/0", took=0.0001)
    assert len(core.workers["p1/0"].items) == 1


def test_a_gang_starts_when_the_tasks_running_there_have_ended_whatever_else_waits(core: Harness) -> None:
    core.pilot(cores=1, nodes=3)
    core.submit(3, fn="small")
    gang = core.submit(needs=Needs(nodes=3))
    core.submit(100, fn="small")
    for worker in ("p1/1.0", "p1/0"):
        core.finish(worker, took=0.001)
        assert core.where(gang) is None
        assert not core.workers[worker].items
    assert "nodes 0, 1, 2 are being kept free for it (predicted to be so in" in core.explain(gang)
    assert "needs 3 nodes at once" in core.explain(gang)
    core.finish("p1/2.0", took=0.001)
    assert core.where(gang) == "p1/0"
    core.run()
    assert len(core.resolved) == 104


def test_what_has_not_begun_is_asked_back_for_a_gang_even_while_nothing_is_free(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(400)
    for _ in range(2):
        for worker in ("p1/0", "p1/1.0"):
            core.finish(worker, took=0.001)
    gang = core.submit(needs=PAIR, priority=1)
    assert [len(double.items) for double in core.workers.values()] == [1, 1]
    core.finish("p1/0", took=0.001)
    core.finish("p1/1.0", took=0.001)
    assert core.where(gang)


def test_older_tasks_of_the_same_priority_that_come_back_do_not_pass_a_gang_that_heads_its_level(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    old = core.submit(2, fn="old", retries=5)
    gang = core.submit(needs=PAIR)
    core.finish("p1/0", ok=False)
    core.finish("p1/1.0", ok=False)
    assert core.where(gang)
    assert core.state(old) is TaskState.QUEUED


def test_something_of_higher_priority_passes_a_gang(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(2, fn="small")
    gang = core.submit(needs=PAIR)
    core.finish("p1/0")
    urgent = core.submit(fn="urgent", priority=1)
    assert core.where(urgent) == "p1/0"
    core.finish("p1/1.0")
    assert core.where(gang) is None
    core.finish("p1/0")
    assert core.where(gang)


def test_a_task_that_ends_before_the_gang_can_start_is_backfilled(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(fn="long", expected_duration=100.0)
    gang = core.submit(needs=PAIR, fn="gang")
    too_long = core.submit(fn="too long", expected_duration=500.0)
    short = core.submit(2, fn="short", expected_duration=5.0)
    assert core.where(short)
    core.now = 5.0
    core.finish(core.where(short) or "", took=5.0)
    assert core.where(short + 1)
    assert core.where(too_long) is None
    core.now = 98.0
    core.finish(core.where(short + 1) or "", took=5.0)
    assert core.where(core.submit(fn="short", expected_duration=5.0)) is None
    core.finish(core.where(1) or "")
    assert core.where(gang)


def test_gangs_of_unlike_size_do_not_starve_each_other(core: Harness) -> None:
    core.pilot(cores=1, nodes=4)
    core.submit(4, fn="small")
    whole = core.submit(needs=Needs(nodes=4), fn="whole")
    core.submit(30, needs=PAIR, fn="pair")
    for worker in list(core.workers):
        core.finish(worker)
    assert core.where(whole)
    core.run()
    assert len(core.resolved) == 35


def test_a_lost_reserved_worker_ends_the_gang_which_runs_again(core: Harness) -> None:
    core.pilot(cores=1, nodes=3)
    gang = core.submit(needs=PAIR)
    core.lose("p1/1.0")
    assert core.workers["p1/0"].doomed
    assert core.state(gang) is TaskState.QUEUED
    core.lose("p1/0", "ended by us")
    assert core.where(gang)
    core.run()
    assert core.resolved[gang].attempt == 2


def test_a_gang_whose_workers_die_again_and_again_pays_for_it(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    gang = core.submit(needs=PAIR)
    for _ in range(3):
        assert gang not in core.resolved
        core.lose("p1/1.0")
        core.lose("p1/0", "ended by us")
    assert core.state(gang) is TaskState.FAILED


def test_a_lost_node_ends_the_gang_and_nobody_pays(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    gang = core.submit(needs=PAIR)
    for node in range(2, 7):
        lead = core.where(gang) or ""
        core.begin(lead)
        core.lose_nodes("p1", core.workers[lead].nodes[1])
        assert core.workers[lead].doomed
        assert core.state(gang) is TaskState.QUEUED
        core.node_up("p1", node)
        core.lose(lead, "ended by us")
    core.run()
    assert core.state(gang) is TaskState.DONE


def test_a_gang_whose_first_node_is_lost_leaves_the_others_free(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    gang = core.submit(needs=PAIR)
    core.lose_nodes("p1", 0)
    assert core.state(gang) is TaskState.QUEUED
    assert core.where(core.submit(fn="small", priority=1)) == "p1/1.0"


def test_nodes_kept_for_a_gang_that_is_cancelled_or_cannot_have_them_are_free_again(core: Harness) -> None:
    core.pilot(cores=1, nodes=3, up=False)
    for node in range(3):
        core.node_up("p1", node, "ab"[node == 2])
    core.submit(2, fn="small")
    gang = core.submit(needs=PAIR)
    small = core.submit(9, fn="small")
    core.finish("p1/0")
    assert not core.workers["p1/0"].items
    core.cancel(gang)
    assert core.workers["p1/0"].items
    gang = core.submit(needs=PAIR, priority=2)
    core.finish("p1/0")
    assert not core.workers["p1/0"].items
    core.drain_nodes("p1", 1)
    assert "when" not in core.explain(gang).splitlines()[0]
    assert core.workers["p1/0"].items
    assert core.state(small) is not TaskState.QUEUED


def test_draining_gives_back_the_nodes_of_a_gang_when_it_has_ended(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(needs=PAIR)
    core.begin("p1/0")
    core.drain_nodes("p1", 1)
    assert core.given_back == []
    core.finish("p1/0")
    assert core.given_back == [("p1", 1)]


def test_a_gang_waits_for_nodes_with_enough_time(core: Harness) -> None:
    core.pilot(cores=1, nodes=3, up=False)
    for node, seconds in enumerate((10, 100, 100)):
        core.node_up("p1", node, ends_in=seconds)
    gang = core.submit(needs=PAIR, expected_duration=50)
    assert core.workers[core.where(gang) or ""].nodes == (1, 2)


def test_capacity_is_wanted_for_a_gang_with_its_predicted_seconds(core: Harness) -> None:
    core.pilot(cores=1, nodes=2)
    core.submit(3, needs=PAIR, expected_duration=10)
    wanted = core.wanted[-1]
    assert (wanted.needs, wanted.amount, wanted.seconds, wanted.waiting) == (PAIR, 2, 20, 0.0)


def test_unlike_nodes_are_chosen_by_what_they_have(core: Harness) -> None:
    core.pilot(cores=1, nodes=3, up=False)
    for node, cores in enumerate((1, 4, 4)):
        core.node_up("p1", node, capacity=Capacity(1, cores, memory=100))
    gang = core.submit(needs=Needs(nodes=2, cores=3))
    assert core.workers[core.where(gang) or ""].nodes == (1, 2)
