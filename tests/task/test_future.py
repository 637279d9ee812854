"""The future of a task against CPython's own as the model: step by step, and with threads at once."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from concurrent.futures import CancelledError, Future, InvalidStateError, as_completed, wait
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilot_quantum.errors import NotPicklableError, ResultLostError
from pilot_quantum.resource.values.kept import Kept, Words
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.options import TaskOptions

LIMIT = 60


class Owner:
    """Stands for a session: remembers what was cancelled, and ends it when asked, as the scheduler does."""

    def __init__(self) -> None:
        self.cancelled: list[TaskFuture[Any]] = []

    def cancel_queued(self, future: TaskFuture[Any]) -> None:
        self.cancelled.append(future)

    def settle(self) -> None:
        for future in self.cancelled:
            future.end(None, None, cancelled=True)


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def make(owner):
    return lambda id=1: new(owner, id)


def new(owner: Owner, id: int = 1) -> TaskFuture[Any]:
    return TaskFuture(id, SimpleNamespace(owner=owner, label="step", options=TaskOptions()), b"arguments", 0.0)


# Step by step, against the model.


class Model:
    """A plain future that takes the same steps."""

    def __init__(self) -> None:
        self.future: Future[Any] = Future()

    def claim(self) -> bool:
        if self.future._state == "PENDING":
            return self.future.set_running_or_notify_cancel()
        return self.future.running()

    def end(self, result: Any, exception: BaseException | None, cancelled: bool) -> None:
        if self.future.done():
            return
        if cancelled:  # CPython has no word for a running call that is given up
            self.future._state = "PENDING"
            self.future.cancel()
        elif exception is not None:
            self.future.set_exception(exception)
        else:
            self.future.set_result(result)


def seen(future: Future[Any]) -> tuple[Any, ...]:
    """All that a user can see of a future without waiting."""

    def ask(question):
        try:
            return question(timeout=0)
        except (TimeoutError, CancelledError, ValueError) as error:
            return type(error)

    error = ask(future.exception)
    return future.done(), future.running(), future.cancelled(), ask(future.result), error


STEPS = st.lists(
    st.sampled_from(["claim", "value", "error", "give up", "cancel", "callback", "look", "wait", "settle"]), max_size=12
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_it_does_what_a_plain_future_does(steps):
    owner, model, error = Owner(), Model(), ValueError("x")
    future = new(owner)
    called: list[str] = []
    expected: list[str] = []
    for number, step in enumerate(steps):
        if step == "claim":
            assert future.claim() == model.claim()
        elif step == "value":
            future.end(number, None)
            model.end(number, None, False)
        elif step == "error":
            future.end(None, error)
            model.end(None, error, False)
        elif step == "give up":
            future.end(None, None, cancelled=True)
            model.end(None, None, True)
        elif step == "cancel":
            assert future.cancel() == model.future.cancel()
        elif step == "callback":
            future.add_done_callback(lambda done, number=number: called.append((number, done is future)))
            model.future.add_done_callback(lambda done, number=number: expected.append((number, True)))
        elif step == "look":
            assert seen(future) == seen(model.future)
        elif step == "wait":
            assert bool(wait([future], 0).done) == (future.done() and future._state != "CANCELLED")
        elif step == "settle":
            owner.settle()
        assert future.done() == model.future.done()
    assert called == expected
    assert seen(future) == seen(model.future)
    assert (future.payload is None) == (future.done() and future._state != "CANCELLED")


# At once.


def together(*actions):
    """Run all at the same time, a thread each; raise what any of them raised."""
    start, errors = threading.Barrier(len(actions)), []

    def run(action):
        start.wait(LIMIT)
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,), daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def test_ending_cancelling_waiting_and_calling_back_at_once(owner):
    for _ in range(300):
        future = new(owner)
        called: list[int] = []
        results: list[Any] = []

        def take(future=future, results=results):
            try:
                results.append(future.result(LIMIT))
            except CancelledError:
                results.append("cancelled")

        together(
            lambda future=future: future.end("value", None),
            lambda future=future: future.cancel(),
            lambda future=future, called=called: future.add_done_callback(lambda done: called.append(1)),
            lambda future=future, called=called: future.add_done_callback(lambda done: called.append(2)),
            take,
        )
        owner.settle()
        assert sorted(called) == [1, 2]
        assert results == ["cancelled" if future.cancelled() else "value"]
        assert wait([future], LIMIT).done == {future}


def test_claiming_and_cancelling_at_once_agree(owner):
    for _ in range(300):
        future = new(owner)
        said: dict[str, bool] = {}
        together(
            lambda future=future, said=said: said.update(claim=future.claim()),
            lambda future=future, said=said: said.update(cancel=future.cancel()),
            lambda future=future: future.add_done_callback(lambda done: None),
        )
        assert said["claim"] != said["cancel"]


def test_two_ends_at_once_are_one(owner):
    for _ in range(300):
        future = new(owner)
        called: list[Any] = []
        if _ % 2:
            future.add_done_callback(lambda done, called=called: called.append(done.result()))
        together(lambda future=future: future.end(1, None), lambda future=future: future.end(2, None))
        assert future.result(0) in (1, 2)
        assert called == ([future.result(0)] if _ % 2 else [])


def test_ends_while_others_wait_for_many(owner):
    for _ in range(50):
        futures = [new(owner, n) for n in range(10)]
        together(
            lambda futures=futures: [future.end(future.id, None) for future in futures],
            lambda futures=futures: list(as_completed(futures, LIMIT)),
            lambda futures=futures: wait(futures, LIMIT),
            lambda futures=futures: [future.cancel() for future in reversed(futures)],
            lambda owner=owner, futures=futures: [owner.settle() for _ in futures],
        )
        owner.settle()
        assert wait(futures, 0).not_done == set()
        owner.cancelled.clear()


# What is our own.


def test_it_is_a_future_of_the_standard_library(make):
    future = make()
    assert isinstance(future, Future)
    assert seen(future) == (False, False, False, TimeoutError, TimeoutError)


def test_it_makes_its_parts_late(make):
    future = make()
    future.claim()
    future.end(1, None)
    assert future.done()
    assert future.result() == 1
    assert future._lazy is future._watchers is future._calls is None


def test_it_lets_go_of_its_arguments_when_it_ends(make):
    future = make()
    future.inputs = (b"input",)
    future.end(1, None)
    assert future.payload is None
    assert future.inputs == ()


def test_cancelling_tells_the_owner_once(make, owner):
    future = make()
    assert future.cancel()
    assert future.cancel()
    assert owner.cancelled == [future]
    owner.settle()
    assert future.payload is None
    assert future.cancel()
    assert owner.cancelled == [future]


def test_a_cancelled_future_calls_back_once_and_tells_those_who_wait(make, owner):
    future, called = make(), []
    future.add_done_callback(called.append)
    future.cancel()
    owner.settle()
    future.add_done_callback(called.append)
    assert called == [future, future]
    assert list(as_completed([future], LIMIT)) == [future]


def test_what_a_callback_raises_does_not_reach_who_ends_it(make, caplog):
    future, called = make(), []

    def stumble(done):
        raise KeyError("stumbled")

    future.add_done_callback(stumble)
    future.add_done_callback(called.append)
    future.end(1, None)
    assert called == [future]
    assert "stumbled" in caplog.text


def test_an_exit_in_a_callback_ends_no_thread_but_the_main_one(make, caplog):
    future, called = make(), []

    def leave(done):
        raise SystemExit(3)

    future.add_done_callback(leave)
    future.add_done_callback(called.append)
    together(lambda: future.end(1, None))
    assert called == [future]
    other = make()
    other.add_done_callback(leave)
    with pytest.raises(SystemExit):
        other.end(1, None)


def test_nobody_else_may_end_it(make):
    future = make()
    with pytest.raises(InvalidStateError, match="by its session"):
        future.set_result(1)
    with pytest.raises(InvalidStateError, match="by its session"):
        future.set_exception(ValueError())
    assert not future.done()


def test_the_executors_protocol_misused_is_refused_as_by_a_plain_future(make):
    future = make()
    assert future.set_running_or_notify_cancel()
    with pytest.raises(RuntimeError):
        future.set_running_or_notify_cancel()
    future.end(1, None)
    with pytest.raises(RuntimeError):
        future.set_running_or_notify_cancel()
    assert future.result(0) == 1
    cancelled = make()
    cancelled.cancel()
    assert not cancelled.set_running_or_notify_cancel()
    cancelled.end(None, None, cancelled=True)
    assert cancelled.cancelled()


def test_a_value_can_be_awaited(make):
    future = make()

    async def main():
        threading.Timer(0.01, future.end, (7, None)).start()
        return await future

    assert asyncio.run(main()) == 7


def test_a_pending_future_cannot_be_pickled_and_an_ended_one_is_its_value(make):
    future = make()
    with pytest.raises(TypeError, match="pass it as an argument"):
        pickle.dumps(future)
    future.end([1, 2], None)
    assert pickle.loads(pickle.dumps(future)) == [1, 2]
    assert copy.copy(future) == [1, 2]


def test_a_failed_future_cannot_be_pickled(make):
    future = make()
    future.end(None, ValueError("x"))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(future)


def test_its_text_says_which_task_and_how_it_stands(make):
    future = make(7)
    assert repr(future) == "<TaskFuture 7 'step' pending>"
    future.claim()
    assert repr(future) == "<TaskFuture 7 'step' running>"
    future.end(1, None)
    assert repr(future) == "<TaskFuture 7 'step' finished>"
    other = make(8)
    other.cancel()
    assert repr(other) == "<TaskFuture 8 'step' cancelled>"
    other.end(None, None, cancelled=True)
    assert repr(other) == "<TaskFuture 8 'step' cancelled>"


def test_an_unknown_stream_of_output_is_refused(make):
    with pytest.raises(ValueError, match="stdin"):
        make().output("stdin")
    assert make().output() == ""


class Far:
    """Where a result is kept; brings `content` when it is asked, if it is to."""

    pilot = allocation = "far"

    def __init__(self, content: bytes | None) -> None:
        self.content = content
        self.fetched = 0

    def fetch(self, kept: Kept) -> None:
        self.fetched += 1
        if self.content is not None:
            kept.arrive(self.content)

    def let_go(self, key: tuple[int, int]) -> None:
        """Nothing to do."""

    def kept(self) -> Kept:
        return Kept(Words(1, 1, 10_000, "ab"), self)


def test_a_result_that_was_kept_is_fetched_and_made_once(make):
    far, future, called = Far(pickle.dumps([1, 2])), make(), []
    future.add_done_callback(lambda one: called.append(one.done()))
    future.end(far.kept(), None)
    assert (called, future.done(), future.exception(0), far.fetched) == ([True], True, None, 0)
    assert list(as_completed([future], LIMIT)) == [future]
    values = []
    threads = [threading.Thread(target=lambda: values.append(future.result(LIMIT))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(values) == 4
    assert all(value is values[0] for value in values)
    assert (values[0], far.fetched, future.kept) == ([1, 2], 1, None)
    assert pickle.loads(pickle.dumps(future)) == [1, 2]


def test_waiting_for_one_that_does_not_come_has_its_bound_and_ends_with_its_loss(make):
    future = make()
    kept = Far(None).kept()
    future.end(kept, None)
    with pytest.raises(TimeoutError, match="is on its way here"):
        future.result(0.01)
    waiting = threading.Timer(0.01, kept.lose, ("killed",))
    waiting.start()
    with pytest.raises(ResultLostError, match="killed"):
        future.result(LIMIT)
    waiting.join()
    assert isinstance(future.exception(0), ResultLostError)
    with pytest.raises(ResultLostError):
        future.result()


class Interrupted:
    """Ctrl-C comes while the first of these is made of its bytes."""

    made = 0

    def __setstate__(self, state: object) -> None:
        Interrupted.made += 1
        if Interrupted.made == 1:
            raise KeyboardInterrupt

    def __getstate__(self) -> int:
        return 1


def test_ctrl_c_while_it_is_made_of_its_bytes_is_the_users_and_costs_nothing(make):
    Interrupted.made, future = 0, make()
    future.end(Far(pickle.dumps(Interrupted())).kept(), None)
    with pytest.raises(KeyboardInterrupt):
        future.result(LIMIT)
    assert isinstance(future.result(LIMIT), Interrupted)


def test_one_that_cannot_be_made_of_its_bytes_is_named(make):
    future = make()
    future.end(Far(b"no pickle").kept(), None)
    for _ in range(2):
        with pytest.raises(NotPicklableError, match="'step' arrived but cannot be rebuilt"):
            future.result(LIMIT)


@pytest.mark.parametrize("when", ["before it is done", "before it has come", "when it is here"])
def test_awaiting_one_does_not_hold_up_the_event_loop(owner, when):
    handle = SimpleNamespace(owner=owner, label="step", options=TaskOptions(keep_remote=True))
    future = TaskFuture(1, handle, b"", 0.0)
    kept = Far(None).kept()

    async def main():
        if when != "before it is done":
            future.end(kept, None)
        if when == "when it is here":
            kept.arrive(pickle.dumps(5))
        task = asyncio.ensure_future(_await(future))
        for _ in range(3):
            await asyncio.sleep(0)
        future.end(kept, None)
        kept.arrive(pickle.dumps(5))
        return await asyncio.wait_for(task, LIMIT)

    assert asyncio.run(main()) == 5


def test_cancelling_who_awaits_one_cancels_what_has_not_been_shipped(owner):
    handle = SimpleNamespace(owner=owner, label="step", options=TaskOptions(keep_remote=True))
    future = TaskFuture(1, handle, b"", 0.0)

    async def main():
        await asyncio.wait_for(_await(future), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_await(future))


async def _await(future):
    return await future
