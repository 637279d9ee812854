"""Dependencies: first the graph alone, with L2 and the inputs played by the test; then through a session."""

from __future__ import annotations

import operator
import threading
from concurrent.futures import CancelledError, wait
from pathlib import Path
from types import SimpleNamespace

import pytest

import pilot_quantum as pq
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.state import TaskState
from pilot_quantum.workflow.graph import Graph

LIMIT = 60


class Bench:
    """A graph with an L2 that only notes what it is given, and futures to play the inputs."""

    def __init__(self):
        self.submitted, self.rows, self.ids = [], [], 0
        self.graph = Graph(self, self, lambda fn: fn())

    def submit(self, future):
        self.submitted.append(future)

    def task_rows(self, rows):
        self.rows += rows

    def cancel_queued(self, future):
        self.graph.cancel(future)

    def future(self):
        self.ids += 1
        return TaskFuture(self.ids, SimpleNamespace(owner=self, label="step", group=1), b"", 0.0)

    def held(self, *inputs):
        future = self.future()
        self.graph.hold(future, inputs)
        return future

    def states(self, future):
        return [row[2] for row in self.rows if row[1] == future.id]


@pytest.fixture
def bench():
    return Bench()


def test_a_task_is_queued_when_its_last_input_is_there(bench):
    one, two = bench.future(), bench.future()
    task = bench.held(one, two, one)
    two.end(2, None)
    assert bench.submitted == []
    assert len(bench.graph) == 1
    one.end(1, None)
    assert bench.submitted == [task]
    assert len(task.inputs) == 3
    assert len(bench.graph) == 0
    assert bench.states(task) == ["waiting"]


def test_inputs_that_have_ended_already_hold_nothing_up(bench):
    done, failed, cancelled = bench.future(), bench.future(), bench.future()
    done.end(1, None)
    failed.end(None, ValueError("x"))
    cancelled.cancel()
    assert bench.submitted == [bench.held(done)]
    assert isinstance(bench.held(done, failed).exception(0), pq.DependencyError)
    assert isinstance(bench.held(cancelled).exception(0).__cause__, CancelledError)
    assert len(bench.graph) == 0


def test_a_failure_runs_down_a_chain_of_any_length(bench):
    first = bench.future()
    chain = [bench.held(first)]
    for _ in range(5000):
        chain.append(bench.held(chain[-1]))
    cause = ValueError("the first")
    first.end(None, cause)
    assert all(task.exception(0).__cause__ is cause for task in chain)
    words = "task 5002 (step) was not run, because task 1 (step) failed: ValueError: the first"
    assert str(chain[-1].exception(0)) == words
    assert bench.graph.ended[TaskState.FAILED] == 5001
    assert len(bench.graph) == 0


def test_a_cancellation_runs_down_a_chain_of_any_length(bench):
    chain = [bench.held(bench.future())]
    for _ in range(5000):
        chain.append(bench.held(chain[-1]))
    assert chain[0].cancel()
    assert isinstance(chain[-1].exception(0).__cause__, CancelledError)
    assert "task 2 (step) was cancelled" in str(chain[-1].exception(0))


def test_the_first_cause_is_named_once_where_failures_meet(bench):
    root = bench.future()
    left, right = bench.held(root), bench.held(root)
    bottom = bench.held(left, right)
    root.end(None, ValueError("x"))
    assert bottom.exception(0).origin == "1 (step)"
    assert bench.states(bottom) == ["waiting", "failed"]


def test_a_dependency_error_that_user_code_raised_is_a_failure_like_any_other(bench):
    one = bench.future()
    task = bench.held(one)
    own = pq.DependencyError("from a session inside the task")
    one.end(None, own)
    assert task.exception(0).__cause__ is own


def test_a_waiting_task_can_be_cancelled(bench):
    one = bench.future()
    task = bench.held(one)
    assert task.cancel()
    assert task.cancelled()
    assert wait([task], 0).done == {task}
    one.end(1, None)
    assert bench.submitted == []
    assert bench.states(task) == ["waiting", "cancelled"]
    assert not bench.graph.cancel(task)


def test_cancelling_all_fails_none_for_the_sake_of_another(bench):
    tasks = [bench.held(bench.future())]
    for _ in range(100):
        tasks.append(bench.held(tasks[-1]))
    bench.graph.cancel_all()
    assert all(task.cancelled() for task in tasks)
    assert bench.graph.ended == {TaskState.CANCELLED: 101}
    bench.graph.wait_until_empty()


class Slow:
    """A value whose pickling waits for the test."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()

    def __reduce__(self):
        self.begun.set()
        assert self.go.wait(LIMIT)
        return int, (7,)


@pytest.mark.parametrize("how", ["future", "graph", "all"])
def test_a_cancellation_while_the_inputs_are_packed_is_not_lost(bench, how):
    one, slow = bench.future(), Slow()
    task = bench.held(one)
    thread = threading.Thread(target=one.end, args=(slow, None))
    thread.start()
    assert slow.begun.wait(LIMIT)
    assert len(bench.graph) == 1
    assert "packed" in bench.graph.explain(task)
    cancel = {"future": task.cancel, "graph": lambda: bench.graph.cancel(task), "all": bench.graph.cancel_all}[how]
    cancel()
    slow.go.set()
    thread.join(LIMIT)
    assert task.cancelled()
    assert bench.submitted == []
    assert wait([task], 0).done == {task}
    assert len(bench.graph) == 0


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_an_input_that_cannot_be_sent_on_fails_the_task_that_needs_it(bench, error):
    class Stubborn:
        def __reduce__(self):
            raise error

    one = bench.future()
    task, other = bench.held(one), bench.held(bench.held(one))
    one.end(Stubborn(), None)
    with pytest.raises(pq.NotPicklableError, match=r"an input of task 2 \(step\) cannot be sent on"):
        task.result(0)
    assert task.exception().__cause__ is error
    assert isinstance(other.exception(0).__cause__, pq.NotPicklableError)


def test_it_says_what_a_task_waits_for(bench):
    one, two, three = bench.future(), bench.future(), bench.future()
    task = bench.held(one, two, three)
    two.claim()
    three.end(1, None)
    words = "task 4 (step) is waiting for its inputs: task 1 (step, pending), 2 (step, running)."
    assert bench.graph.explain(task) == words
    assert bench.graph.explain(one) is None


def test_inputs_that_end_and_are_cancelled_at_once_settle_each_task_once(bench):
    for _ in range(200):
        one, two = bench.future(), bench.future()
        task = bench.held(one, two)
        start = threading.Barrier(3)

        def run(act, start=start):
            start.wait(LIMIT)
            act()

        acts = (lambda one=one: one.end(1, None), lambda two=two: two.end(2, None), task.cancel)
        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert (task in bench.submitted) != (task._state == "CANCELLED_AND_NOTIFIED")
        assert len(bench.graph) == 0


# Through a session.


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    session = pq.Session(tmp_path_factory.mktemp("session") / "s")
    session.add_pilot("local://?cores=2")
    yield session
    session.close(cancel=True)


def test_futures_are_found_wherever_they_are(session):
    one, two = session.submit(abs, -1), session.submit(abs, -2)
    total = session.submit(lambda *args, **kwargs: (args, kwargs), one, [two, (one, {"k": two})], key={"a": [one]})
    assert total.result(LIMIT) == ((1, [2, (1, {"k": 2})]), {"key": {"a": [1]}})


def test_a_future_given_twice_is_one_value(session):
    one = session.submit(list)
    assert session.submit(operator.is_, one, one).result(LIMIT)


def test_inputs_and_code_travel_together(session):
    one = session.submit(abs, -3)
    assert session.submit(lambda fn, n: fn(n), lambda n: n * 2, one).result(LIMIT) == 6


def test_a_diamond(session):
    top = session.submit(abs, -2)
    left, right = session.submit(pow, top, 2), session.submit(pow, top, 3)
    assert session.submit(operator.add, left, right).result(LIMIT) == 12


def test_a_long_chain(session):
    future = session.submit(abs, 0)
    for _ in range(200):
        future = session.submit(operator.add, future, 1)
    assert future.result(LIMIT) == 200


def test_a_wide_reduction(session):
    parts = [session.submit(operator.mul, n, n) for n in range(100)]
    assert session.submit(sum, parts).result(LIMIT) == sum(n * n for n in range(100))


def test_ended_inputs_are_values(session):
    one = session.submit(abs, -3)
    assert one.result(LIMIT) == 3
    assert session.submit(operator.neg, one).result(LIMIT) == -3


def test_a_long_chain_fails_by_its_first_cause(session):
    future = first = session.submit(operator.truediv, 1, 0)
    for _ in range(300):
        future = session.submit(operator.add, future, 1)
    words = rf"because task {first.id} \(truediv\) failed: ZeroDivisionError"
    with pytest.raises(pq.DependencyError, match=words) as caught:
        future.result(LIMIT)
    assert caught.value.__cause__ is first.exception()


def test_an_input_that_failed_before_fails_the_task_at_once(session):
    first = session.submit(operator.truediv, 1, 0)
    wait([first], LIMIT)
    task = session.submit(operator.add, first, 1)
    assert task.exception(LIMIT).__cause__ is first.exception()
    assert "has ended" in session.explain(task)


def test_an_input_that_cannot_be_unpickled_here_fails_its_dependants(session):
    class Odd:
        def __reduce__(self):
            return int, ("not a number",)

    first = session.submit(lambda cls: cls(), Odd)
    task = session.submit(str, first)
    with pytest.raises(pq.DependencyError, match="cannot be rebuilt here"):
        task.result(LIMIT)
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_a_cancelled_input_fails_what_needs_it(session, tmp_path):
    with pq.Session(tmp_path / "no-pilot") as other:
        one = other.submit(abs, -1)
        two = other.submit(abs, one)
        mine = session.submit(abs, one)
        assert "waiting for its inputs: task" in other.explain(two)
        assert one.cancel()
        for task in (two, mine):
            with pytest.raises(pq.DependencyError, match="was cancelled"):
                task.result(LIMIT)


def test_a_session_waits_for_the_input_that_another_makes(tmp_path):
    with pq.Session(tmp_path / "one") as one, pq.Session(tmp_path / "two") as two:
        two.add_pilot("local://?cores=1")
        first = one.submit(abs, -1)
        second = two.submit(operator.add, first, 1)
        threading.Timer(0.05, one.add_pilot, ["local://?cores=1"]).start()
        two.close()
        assert second.result(0) == 2


def test_what_waits_is_released_while_the_session_closes(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        future = session.submit(abs, 0)
        for _ in range(50):
            future = session.submit(operator.add, future, 1)
        session.add_pilot("local://?cores=2")
    assert future.result(0) == 50


def test_an_error_in_the_with_block_cancels_what_waits(tmp_path):
    with pytest.raises(KeyError), pq.Session(tmp_path / "s") as session:  # noqa: PT012 - the block is the point
        first = session.submit(Path.cwd)
        chain = [session.submit(str, first)]
        for _ in range(20):
            chain.append(session.submit(str, chain[-1]))
        raise KeyError
    assert all(future.cancelled() for future in (first, *chain))
    assert session.counts()[TaskState.CANCELLED] == 22
    assert session.counts()[TaskState.WAITING] == 0


def test_a_cause_with_half_a_character_can_be_written_down(tmp_path):
    def fail():
        raise FileNotFoundError("caf\udce9")

    with pq.Session(tmp_path / "s") as session:
        session.add_pilot("local://?cores=1")
        task = session.submit(abs, session.submit(fail))
    assert "caf\udce9" in str(task.exception(0))


def test_a_failure_that_was_never_run_counts_as_one(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        session.add_pilot("local://?cores=1")
        session.submit(abs, session.submit(operator.truediv, 1, 0))
    counts = session.counts()
    assert (counts[TaskState.FAILED], counts[TaskState.WAITING]) == (2, 0)
