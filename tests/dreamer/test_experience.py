"""Predictions that follow what plans have taken, and never run away."""

from __future__ import annotations

from concurrent.futures import Future
from math import log

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.dreamer.experience import MOST, REMEMBERED, Experience, experienced, surprises_of
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.resource.profile import ResourceProfile

HERE = ("local-1",)


def candidate(seconds=1.0, method="lightning", pilots=HERE, spread=2.0, **fields) -> Candidate:
    prediction = Prediction(seconds, seconds / spread, seconds * spread, terms={"gate": seconds})
    return Candidate(name=method, method=method, pruning=Pruning.NONE, prediction=prediction, pilots=pilots, **fields)


def profile(name="local-1") -> ResourceProfile:
    return ResourceProfile(name, 1, 2, 0, 0, 2**30, frozenset({"simulator"}))


def idle() -> Experience:
    return Experience(lambda: (0, 0))


def corrected(experience: Experience, one: Candidate) -> Candidate:
    return experienced(one, surprises_of([experience.on(profile(name)) for name in one.pilots]))


@given(st.floats(0.4, 2.5), st.floats(1e-3, 1e3), st.integers(30, 80))
def test_what_always_takes_so_many_times_its_prediction_is_soon_predicted(factor, seconds, runs):
    experience, one = idle(), candidate(seconds)
    for _ in range(runs):
        one = corrected(experience, candidate(seconds))
        experience.learn(one, factor * seconds)
    assert one.prediction.seconds == pytest.approx(factor * seconds, rel=0.25)
    assert one.surprise == pytest.approx(one.prediction.seconds / seconds)
    assert one.prediction.terms["gate"] == pytest.approx(one.prediction.seconds)


@given(st.floats(0.1, 10.0))
def test_the_same_old_plan_run_again_and_again_teaches_the_same(factor):
    experience = idle()
    experience.learn(candidate(), factor)
    old = corrected(experience, candidate())
    for _ in range(200):
        experience.learn(old, factor)
    bound = min(MOST, abs(log(factor)))
    assert abs(log(corrected(experience, candidate()).surprise)) <= bound + 1e-9


def test_one_strange_run_counts_for_little():
    experience = idle()
    experience.learn(candidate(), 1000.0)
    assert 1 < corrected(experience, candidate()).surprise < 1.3


@pytest.mark.parametrize(
    "other", [candidate(1e4), candidate(method="cut"), candidate(pilots=("local-1", "local-2"))], ids=str
)
def test_other_sizes_methods_and_pilots_learn_nothing_of_it(other):
    experience = idle()
    for _ in range(20):
        experience.learn(candidate(), 2.0)
    assert corrected(experience, candidate()).surprise > 1.6
    assert corrected(experience, other).surprise == pytest.approx(1, abs=1e-3)


def test_it_remembers_the_last_runs_and_little_of_those_before():
    experience = idle()
    for seconds in [2.0] * 500 + [0.5] * 100:
        experience.learn(candidate(), seconds)
    (learned,) = experience.on(profile()).surprises
    assert learned.runs == REMEMBERED
    assert learned.log_ratio == pytest.approx(log(0.5), abs=0.01)


def test_what_was_learned_is_data():
    experience = idle()
    experience.learn(candidate(), 2.0)
    found = experience.on(profile())
    assert msgspec.json.decode(msgspec.json.encode(found), type=ResourceProfile) == found
    assert experience.on(profile("local-2")).surprises == ()


class Desk:
    """A session's account of its tasks."""

    def __init__(self) -> None:
        self.given = self.left = 0
        self.experience = Experience(lambda: (self.given, self.left))

    def run(self, one: Candidate, tasks: int, beside: int = 0) -> bool:
        """Run a candidate of so many tasks, with so many of others submitted meanwhile; whether it was learned from."""
        watch = self.experience.watch(one, done=0.0)
        if watch is None:
            return False
        futures: list[Future[int]] = [Future() for _ in range(tasks)]
        for future in futures:
            watch.handed_over(future)
        self.given += tasks + beside
        for future in futures:
            future.set_result(0)
        watch.finished(0.01)
        watch.finished(0.01)
        learned = self.experience.on(profile()).surprises
        return sum(each.runs for each in learned) == 1


def test_a_run_is_learned_from_once():
    assert Desk().run(candidate(), 3)


def test_a_run_with_others_beside_it_teaches_nothing():
    desk = Desk()
    assert not desk.run(candidate(), 3, beside=1)
    desk.left = 1
    assert not desk.run(candidate(), 3)


def test_a_run_without_tasks_and_one_that_nobody_could_predict_teach_nothing():
    assert not Desk().run(candidate(), 0)
    assert not Desk().run(candidate(spread=5.0), 1)
    assert not Desk().run(candidate(pilots=()), 1)


def test_what_planning_had_done_counts_as_predicted():
    desk = Desk()
    watch = desk.experience.watch(candidate(10.0), done=9.0)
    assert watch is not None
    future: Future[int] = Future()
    watch.handed_over(future)
    desk.given = 1
    future.set_result(0)
    watch.finished(1.0)
    (learned,) = desk.experience.on(profile()).surprises
    assert learned.log_ratio == pytest.approx(0, abs=0.05)
