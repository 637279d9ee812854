"""The scheduler's rules, one sentence each; no sleep, no sockets."""

from __future__ import annotations

from pilot_quantum.errors import PilotLostError, TaskTimeoutError, UnsatisfiableError, WorkerLostError
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.policy import RoundRobin
from pilot_quantum.task.state import TaskState

from .harness import Harness


def test_a_task_runs_where_a_slot_is_free(core: Harness) -> None:
    pilot = core.pilot(cores=1)
    task = core.submit()
    assert core.where(task) == f"{pilot}/0"
    core.finish(f"{pilot}/0")
    assert core.state(task) is TaskState.DONE


def test_tasks_wait_while_there_is_no_pilot_and_run_when_one_comes(core: Harness) -> None:
    task = core.submit()
    assert core.state(task) is TaskState.QUEUED
    assert "no pilot yet" in core.explain(task)
    core.pilot()
    assert core.where(task)


def test_a_pilot_that_joins_last_takes_work_submitted_before_it_existed(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(10)
    late = core.pilot(cores=1)
    assert any(worker == f"{late}/0" for _, worker in core.dispatched)


def test_a_larger_priority_runs_sooner(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit()
    low = core.submit(fn="low")
    high = core.submit(fn="high", priority=5)
    core.finish("p1/0")
    assert core.where(high)
    assert core.state(low) is TaskState.QUEUED


def test_like_tasks_of_different_functions_are_served_in_the_order_of_submission(core: Harness) -> None:
    core.pilot(cores=1)
    order = [core.submit(fn=fn) for fn in "abab"]
    core.run()
    assert [task for task, _ in core.dispatched] == order


def test_round_robin_serves_queues_and_pilots_in_turn() -> None:
    core = Harness(RoundRobin())
    core.pilot(cores=1)
    core.pilot(cores=1)
    core.submit(4, fn="a", priority=9)
    core.submit(4, fn="b")
    core.run()
    assert len(core.resolved) == 8
    first_b = min(index for index, (task, _) in enumerate(core.dispatched) if task > 4)
    assert first_b <= 4  # the priority of the first queue did not hold the second one back
    assert {worker for _, worker in core.dispatched} == {"p1/0", "p2/0"}


def test_the_first_tasks_of_an_unknown_function_are_shipped_one_by_one(core: Harness) -> None:
    core.pilot(cores=2)
    core.submit(100)
    assert len(core.dispatched) == 2


def test_short_tasks_are_bundled_once_their_duration_is_known(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(1000)
    core.finish("p1/0", took=0.0001)
    assert len(core.workers["p1/0"].items) > 100


def test_long_tasks_are_never_bundled(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(100)
    core.now = 1.0
    core.finish("p1/0", took=1.0)
    assert len(core.workers["p1/0"].items) == 1


def test_bundles_shrink_towards_the_end_so_that_no_slot_starves(core: Harness) -> None:
    core.pilot(cores=2)
    core.submit(40)
    core.finish("p1/0", took=0.0001)
    assert len(core.workers["p1/0"].items) <= 10


def test_a_worker_at_its_last_short_task_is_given_more_of_the_same(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(50)
    core.now = 0.01
    core.finish("p1/0", took=0.01)
    while len(core.workers["p1/0"].items) > 2:
        core.now += 0.01
        core.finish("p1/0", took=0.01)
    core.begin("p1/0")
    core.now += 0.01
    core.finish("p1/0", took=0.01)
    assert len(core.workers["p1/0"].items) > 1
    core.run()
    assert len(core.resolved) == 50


def test_a_worker_is_given_no_more_when_something_more_urgent_waits(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(50)
    core.now = 0.01
    core.finish("p1/0", took=0.01)
    urgent = core.submit(fn="urgent", priority=1)
    while len(core.workers["p1/0"].items) > 1:
        core.now += 0.01
        core.finish("p1/0", took=0.01)
    core.finish("p1/0", took=0.01)
    assert core.where(urgent) == "p1/0"


def test_a_tail_that_takes_longer_than_thought_is_asked_back_for_an_idle_slot(core: Harness) -> None:
    core.pilot(cores=2)
    core.submit(60)
    core.finish("p1/0", took=0.001)
    core.begin("p1/0")
    while len(core.workers["p1/1"].items):
        core.now += 0.001
        core.finish("p1/1", len(core.workers["p1/1"].items), took=0.001)
    before = len(core.workers["p1/0"].items)
    core.wait(1.0)
    assert len(core.workers["p1/0"].items) < before
    assert core.workers["p1/1"].items
    core.run()
    assert len(core.resolved) == 60


def test_a_wide_task_takes_siblings_and_is_not_starved_by_a_stream_of_small_ones(core: Harness) -> None:
    core.pilot(cores=4)
    core.submit(4, fn="small")
    wide = core.submit(needs=Needs(cores=4), fn="wide")
    core.submit(50, fn="small")
    for worker in ("p1/3", "p1/2", "p1/1"):
        core.finish(worker)
        assert core.state(wide) is TaskState.QUEUED
        assert not core.workers[worker].items, "a small task was started on a node that is kept free"
    core.finish("p1/0")
    assert core.where(wide)
    core.run()
    assert len(core.resolved) == 55


def test_a_small_task_that_ends_before_the_wide_one_can_start_is_backfilled(core: Harness) -> None:
    core.pilot(cores=2)
    core.submit(fn="long", expected_duration=100.0)
    core.submit(needs=Needs(cores=2), fn="wide", expected_duration=10.0)
    short = core.submit(fn="short", expected_duration=5.0)
    too_long = core.submit(fn="too long", expected_duration=500.0)
    assert core.where(short)
    core.finish(core.where(short) or "")
    assert core.where(too_long) is None


def test_the_pilot_with_the_earliest_predicted_finish_is_chosen(core: Harness) -> None:
    slow, fast = core.pilot(cores=1), core.pilot(cores=1)
    core.submit(2)
    core.now = 10.0
    core.finish(f"{slow}/0", took=10.0)
    core.finish(f"{fast}/0", took=1.0)
    task = core.submit()
    assert core.where(task) == f"{fast}/0"


def test_the_last_task_waits_for_a_fast_pilot_rather_than_start_on_a_slow_one(core: Harness) -> None:
    slow, fast = core.pilot(cores=1), core.pilot(cores=1)
    core.submit(2)
    core.now = 100.0
    core.finish(f"{slow}/0", took=100.0)
    core.finish(f"{fast}/0", took=1.0)
    one, other = core.submit(), core.submit()
    assert core.where(one) == f"{fast}/0"
    assert core.where(other) is None
    core.now += 1.0
    core.finish(f"{fast}/0", took=1.0)
    assert core.where(other) == f"{fast}/0"


def test_memory_is_a_resource(core: Harness) -> None:
    core.pilot(cores=4, memory=100)
    core.submit(4, needs=Needs(memory=40))
    assert len(core.dispatched) == 2


def test_gpus_are_never_shared(core: Harness) -> None:
    core.pilot(cores=4, gpus=2)
    core.submit(4, needs=Needs(gpus=1))
    used = [double.gpus for double in core.workers.values() if double.items]
    assert sorted(used) == [(0,), (1,)]


def test_the_first_variant_is_preferred_and_the_second_taken_when_it_is_free_first(core: Harness) -> None:
    core.pilot(cores=4, gpus=1)
    tasks = core.submit(2, needs=[Needs(gpus=1), Needs(cores=2)])
    first, second = (core.workers[core.where(task) or ""] for task in (tasks, tasks + 1))
    assert (first.gpus, first.cores) == ((0,), 1)
    assert (second.gpus, second.cores) == ((), 2)


def test_affinity_returns_to_the_same_worker_while_it_is_free(core: Harness) -> None:
    core.pilot(cores=4)
    core.submit(3, fn="other")
    home = core.where(core.submit(affinity="loop-1"))
    assert home == "p1/0"  # the last that was free; a task without affinity would get the first
    for worker in core.workers:
        core.finish(worker)
    assert core.where(core.submit(fn="other")) == "p1/3"
    for _ in range(3):
        task = core.submit(affinity="loop-1")
        assert core.where(task) == home
        core.finish(home)


def test_a_task_that_cannot_end_before_walltime_waits_for_a_longer_pilot(core: Harness) -> None:
    core.pilot(cores=4, ends_in=60)
    task = core.submit(expected_duration=120.0)
    assert core.dispatched == []
    assert "60 s left" in core.explain(task)
    core.pilot(cores=1)
    assert core.where(task) == "p2/0"


def test_what_nobody_can_ever_run_fails_at_once_and_names_the_nearest_pilot(core: Harness) -> None:
    core.pilot(cores=2)
    core.pilot(cores=2, gpus=1)
    task = core.submit(needs=Needs(gpus=2), name="vqe-step")
    assert isinstance(core.resolved[task].error, UnsatisfiableError)
    assert "'vqe-step' needs 2 GPUs on one node, has 1" in core.error(task)
    assert "'p2'" in core.error(task)
    assert "gpus=2" in core.error(task)


def test_a_patient_task_waits_for_capacity_and_says_what_is_missing(core: Harness) -> None:
    core.pilot(cores=1)
    task = core.submit(needs=Needs(gpus=1), wait_for_capacity=True)
    assert "cannot: needs 1 GPUs on one node, has 0" in core.explain(task)
    core.pilot(gpus=1)
    assert core.where(task) == "p2/0"


def test_when_the_last_able_pilot_ends_its_tasks_fail_and_others_run_on(core: Harness) -> None:
    core.pilot(cores=1)
    big = core.pilot(cores=4)
    wide, narrow = core.submit(needs=Needs(cores=4), fn="wide"), core.submit(fn="narrow")
    core.end(big)
    assert isinstance(core.resolved[wide].error, PilotLostError)
    assert "walltime" in core.error(wide)
    core.run()
    assert core.state(narrow) is TaskState.DONE


def test_expiry_costs_the_users_retries_nothing(core: Harness) -> None:
    first = core.pilot()
    core.pilot(up=False)
    task = core.submit()
    core.begin(f"{first}/0")
    core.end(first)
    assert core.state(task) is TaskState.QUEUED
    core.up("p2")
    core.finish("p2/0")
    assert core.state(task) is TaskState.DONE


def test_draining_takes_nothing_new_gives_back_what_has_not_begun_and_then_ends(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(100)
    core.finish("p1/0", took=0.001)
    core.begin("p1/0")
    core.pilot(cores=1)
    core.drain("p1")
    assert len(core.workers["p1/0"].items) == 1
    assert core.stopped == []
    core.finish("p1/0")
    assert core.stopped == ["p1"]
    core.run()
    assert len(core.resolved) == 100


def test_user_errors_are_retried_as_often_as_was_asked(core: Harness) -> None:
    core.pilot()
    task = core.submit(retries=2)
    for _ in range(3):
        assert task not in core.resolved
        core.finish("p1/0", ok=False)
    assert core.state(task) is TaskState.FAILED
    assert core.resolved[task].attempt == 3


def test_tasks_of_a_lost_bundle_run_again_alone_and_are_not_charged(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(50)
    core.finish("p1/0", took=0.001)
    lost = {task for task, _ in core.workers["p1/0"].items}
    assert len(lost) > 1
    core.lose("p1/0")
    for _ in lost:
        (item,) = core.workers["p1/0"].items
        assert item[0] in lost
        core.now += 0.001
        core.finish("p1/0", took=0.001)
    core.run()
    assert all(resolution.state is TaskState.DONE for resolution in core.resolved.values())


def test_a_task_that_kills_its_worker_three_times_alone_is_stopped_and_named(core: Harness) -> None:
    core.pilot(cores=1)
    task = core.submit(name="killer")
    for _ in range(3):
        assert task not in core.resolved
        core.lose("p1/0")
    assert isinstance(core.resolved[task].error, WorkerLostError)
    assert "'killer'" in core.error(task)


def test_workers_that_end_with_their_job_are_charged_to_nobody(core: Harness) -> None:
    core.pilot(cores=1)
    task = core.submit()
    for _ in range(5):
        core.lose("p1/0", charged=False)
    assert task not in core.resolved


def test_a_cancelled_task_that_runs_has_its_worker_ended_and_its_mates_run_again(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(20)
    core.finish("p1/0", took=0.001)
    core.begin("p1/0")
    running = core.workers["p1/0"].items[0][0]
    core.cancel(running)
    assert core.state(running) is TaskState.CANCELLED
    assert core.workers["p1/0"].doomed
    core.lose("p1/0", cause="cancelled")
    core.run()
    done = [task for task, resolution in core.resolved.items() if resolution.state is TaskState.DONE]
    assert len(done) == 19


def test_a_task_cancelled_before_it_began_is_taken_back_and_nothing_is_killed(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(20)
    core.finish("p1/0", took=0.001)
    core.begin("p1/0")
    waiting = core.workers["p1/0"].items[-1][0]
    core.cancel(waiting)
    assert core.state(waiting) is TaskState.CANCELLED
    assert not core.workers["p1/0"].doomed
    core.run()
    assert len(core.resolved) == 20


def test_a_task_that_runs_longer_than_its_timeout_is_stopped(core: Harness) -> None:
    core.pilot(cores=1)
    task = core.submit(timeout=5.0)
    core.begin("p1/0")
    core.wait(4.0)
    assert task not in core.resolved
    core.wait(2.0)
    assert isinstance(core.resolved[task].error, TaskTimeoutError)
    assert core.workers["p1/0"].doomed
    core.lose("p1/0")
    assert core.where(core.submit()) == "p1/0"


def test_outcomes_that_come_twice_or_from_an_older_attempt_change_nothing(core: Harness) -> None:
    core.pilot(cores=1)
    core.pilot(cores=1)
    task = core.submit(retries=1)
    core.finish("p1/0", ok=False)
    worker = core.where(task) or ""
    core.feed(core.sent[0])
    assert task not in core.resolved
    core.finish(worker)
    for outcome in list(core.sent):
        core.feed(outcome)
    assert core.state(task) is TaskState.DONE
    assert core.core.outstanding == 0


def test_closing_ends_what_waits_for_capacity_that_will_not_come(core: Harness) -> None:
    forlorn = core.submit()
    core.close()
    assert isinstance(core.resolved[forlorn].error, PilotLostError)


def test_more_capacity_is_asked_for_once_while_tasks_wait(core: Harness) -> None:
    core.pilot(cores=1)
    core.submit(10)
    assert [wanted.amount for wanted in core.wanted] == [9]


def test_every_transition_is_recorded_with_time_place_and_cause(core: Harness) -> None:
    core.pilot(cores=1)
    task = core.submit(retries=1)
    core.now = 1.0
    core.finish("p1/0", ok=False, took=0.5)
    core.now = 2.0
    core.finish("p1/0", took=0.5)
    story = [(row[0], row[2], row[3], row[6]) for row in core.rows if row[1] == task]
    assert story == [
        (0.0, "queued", 0, ""),
        (0.0, "shipped", 1, "p1/0"),
        (0.5, "running", 1, "p1/0"),
        (1.0, "queued", 1, "p1/0"),
        (1.0, "shipped", 2, "p1/0"),
        (1.5, "running", 2, "p1/0"),
        (2.0, "done", 2, "p1/0"),
    ]
