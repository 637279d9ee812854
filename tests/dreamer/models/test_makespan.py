from __future__ import annotations

from itertools import permutations
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilot_quantum.dreamer.models.makespan import Job, Worker, bound, greedy, longest_first
from pilot_quantum.errors import InvalidDescriptionError

jobs_ = st.lists(st.builds(Job, st.integers(1, 9).map(float), st.integers(1, 4)), min_size=1, max_size=6)
workers_ = st.lists(
    st.builds(Worker, st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([None, 2, 3, 4])), min_size=1, max_size=3
).map(lambda found: [*found, Worker()])


def stepped(jobs, workers):
    """What `greedy` does, written as a clock that ticks: at each tick, the queue is gone through from its head."""
    tick = 1 / 4
    waiting, until, now = list(jobs), [0.0] * len(workers), 0.0
    while waiting:
        for job in list(waiting):
            able = [i for i, worker in enumerate(workers) if until[i] <= now and worker.takes(job)]
            if able:
                first = min(able, key=lambda i: (now + job.seconds / workers[i].speed, i))
                until[first] = now + job.seconds / workers[first].speed
                waiting.remove(job)
        now += tick
    return max(until)


def best(jobs, workers):
    """The least makespan of all: every order of jobs, each on every worker that takes it."""
    least = inf

    def place(at, loads):
        nonlocal least
        if max(loads) >= least:
            return
        if at == len(jobs):
            least = max(loads)
            return
        for i, worker in enumerate(workers):
            if worker.takes(jobs[at]):
                place(at + 1, [*loads[:i], loads[i] + jobs[at].seconds / worker.speed, *loads[i + 1 :]])

    place(0, [0.0] * len(workers))
    return least


@given(jobs=jobs_, workers=workers_)
def test_the_simulation_is_what_a_clock_says(jobs, workers):
    assert greedy(jobs, workers) == pytest.approx(stepped(jobs, workers))


@settings(max_examples=50)
@given(jobs=jobs_, workers=workers_)
def test_no_schedule_beats_the_bound_and_greedy_does_not_beat_the_best(jobs, workers):
    least = best(jobs, workers)
    assert bound(jobs, workers) <= least * (1 + 1e-12)
    assert least <= greedy(jobs, workers) * (1 + 1e-12)
    assert least <= longest_first(jobs, workers) * (1 + 1e-12)


@given(jobs=jobs_, workers=workers_)
def test_the_bound_is_at_least_the_longest_job_and_work_over_speed(jobs, workers):
    found = bound(jobs, workers)
    for job in jobs:
        assert found >= job.seconds / max(worker.speed for worker in workers if worker.takes(job)) * (1 - 1e-12)
    assert found >= sum(job.seconds for job in jobs) / sum(worker.speed for worker in workers) * (1 - 1e-12)


def test_longest_first_is_within_four_thirds_of_the_best_on_equal_workers():
    jobs = [Job(float(seconds)) for seconds in (5, 5, 4, 4, 3, 3, 3)]
    workers = [Worker()] * 3
    assert longest_first(jobs, workers) == 11.0
    assert best(jobs, workers) == 9.0
    assert min(greedy([jobs[i] for i in order], workers) for order in list(permutations(range(7)))[::97]) >= 9.0


def test_a_wide_job_waits_for_the_worker_that_takes_it():
    workers = [Worker(widest=12), Worker()]
    assert greedy([Job(1.0, 20), Job(1.0, 20)], workers) == 2.0
    assert bound([Job(1.0, 20), Job(1.0, 20)], workers) == 2.0
    assert greedy([Job(1.0, 20), Job(1.0, 8)], workers) == 1.0


def test_what_fits_nowhere_never_ends():
    assert greedy([Job(1.0, 20)], [Worker(widest=12)]) == inf
    assert bound([Job(1.0, 20)], [Worker(widest=12)]) == inf


def test_nothing_to_do_takes_no_time():
    assert greedy([], [Worker()]) == bound([], [Worker()]) == 0.0


@pytest.mark.parametrize("speed", [0, 0.0, -1.0, float("nan"), inf])
def test_a_worker_that_does_nothing_is_none(speed):
    with pytest.raises(InvalidDescriptionError, match="speed must be finite and above 0"):
        greedy([Job(1.0)], [Worker(speed)])
