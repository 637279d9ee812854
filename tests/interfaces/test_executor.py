"""What `concurrent.futures` promises of an executor, asked of ours and, where the promise is the same, of CPython's."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import multiprocessing
import operator
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from pathlib import Path
from typing import Any

import pytest

import pilot_quantum as pq

LIMIT = 60
"""Seconds after which a test that hangs fails; nothing is measured with it."""


class Gate:
    """A task that runs until it is told to end: it reads a named pipe that nobody has written yet."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._writer: int | None = None

    def submit(self, pool: Executor) -> Future[str]:
        return pool.submit(Path.read_text, self.path)

    def reached(self) -> None:
        """Return when the task has begun."""
        deadline = time.monotonic() + LIMIT
        while self._writer is None:
            try:
                self._writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def open(self) -> None:
        """Let the task end; it returns "open"."""
        self.reached()
        if self._writer is not None:
            os.write(self._writer, b"open")
            os.close(self._writer)


@pytest.fixture
def gates(tmp_path: Path) -> Callable[[int], list[Gate]]:
    return lambda count: [Gate(tmp_path / f"gate-{index}") for index in range(count)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pq.Session]:
    session = pq.Session(tmp_path_factory.mktemp("session") / "s")
    session.add_pilot("local://?cores=2")
    yield session
    session.close(cancel=True)


@pytest.fixture(scope="module", params=["session", "processes"])
def make(request: pytest.FixtureRequest, session: pq.Session) -> Iterator[Callable[[], Executor]]:
    """Makes executors of two workers: ours, or CPython's."""
    if request.param == "session":
        yield session.executor
        return
    made: list[Executor] = []

    def processes() -> Executor:
        made.append(ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")))
        return made[-1]

    yield processes
    for pool in made:
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture(scope="module")
def pool(make: Callable[[], Executor]) -> Executor:
    """An executor that tests share and leave as it was."""
    return make()


@pytest.fixture
def ours(session: pq.Session) -> Executor:
    return session.executor()


def busy(pool: Executor, gates: list[Gate]) -> list[Future[str]]:
    """Fill the workers, one gate each."""
    futures = []
    for gate in gates:
        futures.append(gate.submit(pool))
        gate.reached()
    return futures


def gone(reference: weakref.ref[Any]) -> bool:
    """Whether nobody holds the object any more, or soon does not: the thread that delivered it has to let go."""
    deadline = time.monotonic() + LIMIT / 4
    while reference() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.002)
    return reference() is None


# submit


def test_a_call_gives_a_future_with_its_value(pool):
    future = pool.submit(pow, 2, 10)
    assert isinstance(future, Future)
    assert future.result(LIMIT) == 1024
    assert future.exception() is None
    assert future.done()
    assert not future.running()
    assert not future.cancelled()


def test_keywords_may_be_called_as_submits_own_parameters_are(pool):
    assert pool.submit(dict, self=1, fn=2, needs=3).result(LIMIT) == {"self": 1, "fn": 2, "needs": 3}


def test_submit_takes_the_function_by_position_only(pool):
    with pytest.raises(TypeError):
        pool.submit(fn=abs, arg=1)


def test_an_exception_arrives_as_it_was_with_the_remote_traceback_as_its_cause(pool):
    future = pool.submit(operator.truediv, 1, 0)
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        future.result(LIMIT)
    assert future.exception() is caught.value
    assert "Traceback (most recent call last)" in str(caught.value.__cause__)
    assert "ZeroDivisionError" in str(caught.value.__cause__)
    assert str(caught.value.__cause__) in "".join(traceback.format_exception(caught.value))


def test_an_exit_in_a_task_is_the_tasks_own_and_the_worker_goes_on(pool):
    with pytest.raises(SystemExit) as caught:
        pool.submit(sys.exit, 3).result(LIMIT)
    assert caught.value.code == 3
    assert pool.submit(pow, 2, 3).result(LIMIT) == 8


def test_an_argument_that_cannot_be_pickled_fails_its_own_future_only(pool):
    futures = [pool.submit(str, 1), pool.submit(str, threading.Lock()), pool.submit(str, 2)]
    with pytest.raises(TypeError, match="lock"):
        futures[1].result(LIMIT)
    assert futures[0].result(LIMIT) == "1"
    assert futures[2].result(LIMIT) == "2"


def test_a_result_that_cannot_be_pickled_fails_its_own_future_only(pool):
    futures = [pool.submit(str, 1), pool.submit(threading.Lock), pool.submit(str, 2)]
    with pytest.raises(TypeError, match="lock"):
        futures[1].result(LIMIT)
    assert futures[0].result(LIMIT) == "1"
    assert futures[2].result(LIMIT) == "2"


def test_result_and_exception_time_out(pool, gates):
    [gate] = gates(1)
    future = gate.submit(pool)
    for timeout in (0, 0.01, -1):
        with pytest.raises(TimeoutError):
            future.result(timeout)
        with pytest.raises(TimeoutError):
            future.exception(timeout)
    gate.open()
    assert future.result(LIMIT) == "open"


# map


def test_map_keeps_order(pool):
    assert list(pool.map(pow, range(50), range(50))) == [n**n for n in range(50)]


def test_map_keeps_order_when_later_calls_end_earlier(pool, gates):
    [gate] = gates(1)
    results = pool.map(Path.read_text, [gate.path, Path(os.devnull)])
    gate.open()
    assert list(results) == ["open", ""]


def test_map_ends_with_the_shortest_iterable(pool):
    assert list(pool.map(pow, [2, 3, 4], [2, 2])) == [4, 9]
    assert list(pool.map(pow, [], [])) == []


def test_map_submits_before_it_is_iterated(pool):
    taken = []
    results = pool.map(abs, (taken.append(n) or -n for n in range(3)))
    assert taken == [0, 1, 2]
    assert list(results) == [0, 1, 2]


def test_map_gives_what_precedes_an_exception_and_then_raises_it(pool):
    results = pool.map(divmod, [1, 1, 1, 1], [1, 1, 0, 1])
    assert next(results) == (1, 0)
    assert next(results) == (1, 0)
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_map_raises_what_cannot_be_pickled_in_its_turn(pool):
    results = pool.map(str, [1, threading.Lock(), 2])
    assert next(results) == "1"
    with pytest.raises(TypeError, match="lock"):
        next(results)


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_map_times_out(pool, gates, timeout):
    blocking = gates(2)
    busy(pool, blocking)
    results = pool.map(pow, [2, 2], [3, 4], timeout=timeout)
    with pytest.raises(TimeoutError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)
    for gate in blocking:
        gate.open()
    assert list(pool.map(pow, [2, 2], [3, 4], timeout=LIMIT)) == [8, 16]


def test_map_cancels_what_it_will_not_give(session, tmp_path, gates):
    ours = session.executor()
    for method in (ours.map, session.map):
        for end in ("time out", "close"):
            blocking = [Gate(tmp_path / f"{method.__self__.__class__.__name__}-{end}-{n}") for n in range(2)]
            busy(ours, blocking)
            mark = tmp_path / "mark"
            results = method(Path.touch, [tmp_path / "first", mark], timeout=0 if end == "time out" else 0.01)
            with pytest.raises(TimeoutError):
                next(results)
            results.close()
            for gate in blocking:
                gate.open()
            assert ours.submit(pow, 2, 3).result(LIMIT) == 8
            assert not mark.exists()


def test_a_large_chunksize_changes_nothing(pool):
    assert list(pool.map(pow, range(10), range(10), chunksize=4)) == [n**n for n in range(10)]


# cancel


def test_a_call_that_waits_can_be_cancelled(pool, gates):
    blocking = gates(2)
    busy(pool, blocking)
    waiting = [pool.submit(pow, 2, n) for n in range(10)]
    called = []
    last = waiting[-1]  # CPython takes a few more calls than it has workers
    last.add_done_callback(called.append)
    assert not last.running()
    assert last.cancel()
    assert last.cancel()
    assert last.cancelled()
    assert last.done()
    assert called == [last]
    with pytest.raises(CancelledError):
        last.result(LIMIT)
    with pytest.raises(CancelledError):
        last.exception(LIMIT)
    for gate in blocking:
        gate.open()
    assert [future.result(LIMIT) for future in waiting[:-1]] == [2**n for n in range(9)]
    assert wait([last], LIMIT).done == {last}
    assert called == [last]


def test_a_call_that_runs_or_has_ended_cannot_be_cancelled(pool, gates):
    [gate] = gates(1)
    future = gate.submit(pool)
    gate.reached()
    assert future.running()
    assert not future.cancel()
    assert not future.cancelled()
    gate.open()
    assert future.result(LIMIT) == "open"
    assert not future.cancel()


# callbacks


def test_callbacks_are_called_once_in_order_with_the_future(pool, gates):
    [gate] = gates(1)
    future = gate.submit(pool)
    calls: list[tuple[str, Future[str]]] = []
    last = threading.Event()
    future.add_done_callback(lambda done: calls.append(("first", done)))
    future.add_done_callback(lambda done: (calls.append(("second", done)), last.set()))
    gate.open()
    assert last.wait(LIMIT)
    assert calls == [("first", future), ("second", future)]


def test_a_callback_on_an_ended_future_is_called_at_once(pool):
    future = pool.submit(pow, 2, 3)
    assert future.result(LIMIT) == 8
    calls: list[Any] = []
    future.add_done_callback(calls.append)
    assert calls == [future]


def test_what_a_callback_raises_is_logged_and_stops_nothing(pool, gates, caplog):
    [gate] = gates(1)
    future = gate.submit(pool)
    called = threading.Event()

    def stumble(done):
        raise KeyError("stumbled")

    future.add_done_callback(stumble)
    future.add_done_callback(lambda done: called.set())
    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        gate.open()
        assert called.wait(LIMIT)
    assert "exception calling callback" in caplog.text
    assert "stumbled" in caplog.text
    assert pool.submit(pow, 2, 3).result(LIMIT) == 8


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_that_exits_does_not_take_the_session_with_it(ours, gates, caplog):
    [gate] = gates(1)
    future = gate.submit(ours)
    called = threading.Event()
    future.add_done_callback(lambda done: sys.exit(3))
    future.add_done_callback(lambda done: called.set())
    gate.open()
    assert called.wait(LIMIT)
    assert ours.submit(pow, 2, 3).result(LIMIT) == 8


def test_a_callback_may_submit(pool):
    results: list[int] = []
    ended = threading.Event()

    def again(done):
        results.append(done.result())
        if len(results) < 5:
            pool.submit(operator.add, done.result(), 1).add_done_callback(again)
        else:
            ended.set()

    pool.submit(operator.add, 0, 1).add_done_callback(again)
    assert ended.wait(LIMIT)
    assert results == [1, 2, 3, 4, 5]


def test_callbacks_of_dependants_and_users_are_all_called(ours, gates):
    [gate] = gates(1)
    called = threading.Event()
    future = gate.submit(ours)
    dependant = ours.submit(len, future)
    future.add_done_callback(lambda done: called.set())
    gate.open()
    assert called.wait(LIMIT)
    assert dependant.result(LIMIT) == 4


# wait and as_completed


def test_wait_returns_with_the_first_that_ends(pool, gates):
    blocking = gates(2)
    [slow] = busy(pool, blocking[:1])
    quick = pool.submit(pow, 2, 3)
    done, pending = wait([slow, quick], LIMIT, FIRST_COMPLETED)
    assert (done, pending) == ({quick}, {slow})
    blocking[0].open()
    assert wait([slow, quick], LIMIT, ALL_COMPLETED).not_done == set()


def test_wait_returns_with_the_first_exception(pool, gates):
    blocking = gates(1)
    [slow] = busy(pool, blocking)
    good, bad = pool.submit(pow, 2, 3), pool.submit(operator.truediv, 1, 0)
    done, pending = wait([slow, good, bad], LIMIT, FIRST_EXCEPTION)
    assert bad in done
    assert slow in pending
    assert wait([slow, bad], LIMIT, FIRST_EXCEPTION).not_done == {slow}
    blocking[0].open()
    assert wait([slow, good], LIMIT, FIRST_EXCEPTION).not_done == set()


def test_wait_counts_duplicates_once_and_takes_what_has_ended(pool):
    ended = pool.submit(pow, 2, 3)
    ended.result(LIMIT)
    other = pool.submit(pow, 2, 4)
    assert wait([ended, other, other, ended], LIMIT).done == {ended, other}
    assert wait([], LIMIT).done == set()


def test_wait_times_out_with_what_it_has(pool, gates):
    blocking = gates(1)
    [slow] = busy(pool, blocking)
    quick = pool.submit(pow, 2, 3)
    quick.result(LIMIT)
    done, pending = wait([slow, quick], 0)
    assert (done, pending) == ({quick}, {slow})
    blocking[0].open()
    slow.result(LIMIT)


def test_wait_and_as_completed_take_cancelled_futures(pool, gates):
    blocking = gates(2)
    slow = busy(pool, blocking)
    waiting = [pool.submit(pow, 2, n) for n in range(10)]
    waiter = threading.Thread(target=wait, args=([waiting[-1]],), daemon=True)
    waiter.start()
    assert waiting[-1].cancel()
    for gate in blocking:
        gate.open()
    assert wait([*slow, *waiting], LIMIT).not_done == set()
    assert set(as_completed([*slow, *waiting], LIMIT)) == {*slow, *waiting}
    waiter.join(LIMIT)
    assert not waiter.is_alive()


def test_as_completed_yields_each_future_once_as_it_ends(pool, gates):
    blocking = gates(1)
    [slow] = busy(pool, blocking)
    ended = pool.submit(pow, 2, 3)
    ended.result(LIMIT)
    quick = pool.submit(pow, 2, 4)
    order = as_completed([slow, quick, ended, quick, slow], LIMIT)
    assert {next(order), next(order)} == {ended, quick}
    blocking[0].open()
    assert list(order) == [slow]


def test_as_completed_times_out(pool, gates):
    blocking = gates(1)
    [slow] = busy(pool, blocking)
    ended = pool.submit(pow, 2, 3)
    ended.result(LIMIT)
    found = []
    with pytest.raises(TimeoutError):
        found.extend(as_completed([slow, ended], timeout=0))
    order = as_completed([slow, ended], timeout=0)
    assert next(order) is ended
    with pytest.raises(TimeoutError):
        next(order)
    blocking[0].open()
    slow.result(LIMIT)


def test_ours_and_plain_futures_can_be_waited_for_together(ours):
    plain: Future[int] = Future()
    task = ours.submit(pow, 2, 3)
    assert wait([plain, task], LIMIT, FIRST_COMPLETED).done == {task}
    threading.Timer(0, plain.set_result, [1]).start()
    assert set(as_completed([plain, task], LIMIT)) == {plain, task}
    assert wait([plain, task], LIMIT).not_done == set()


def test_many_threads_may_wait_for_one_future(pool, gates):
    blocking = gates(1)
    [slow] = busy(pool, blocking)
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(slow.result(LIMIT))) for _ in range(8)]
    for thread in threads:
        thread.start()
    blocking[0].open()
    for thread in threads:
        thread.join(LIMIT)
    assert results == ["open"] * 8


# shutdown


def test_leaving_the_with_block_waits_for_all(make):
    with make() as pool:
        futures = [pool.submit(pow, 2, n) for n in range(20)]
    assert all(future.done() for future in futures)
    assert [future.result() for future in futures] == [2**n for n in range(20)]


def test_leaving_the_with_block_by_an_exception_waits_too(make):
    futures = []
    with pytest.raises(KeyError), make() as pool:  # noqa: PT012 - the block is the point
        futures.append(pool.submit(pow, 2, 3))
        raise KeyError
    assert futures[0].done()


def test_nothing_is_taken_after_shutdown(make):
    pool = make()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(pow, 2, 3)
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.map(pow, [2], [3])
    pool.shutdown()
    pool.shutdown(wait=False, cancel_futures=True)


def test_shutdown_without_waiting_lets_the_work_end(make, gates):
    pool = make()
    [gate] = gates(1)
    [slow] = busy(pool, [gate])
    more = pool.submit(pow, 2, 3)
    pool.shutdown(wait=False)
    assert not slow.done()
    gate.open()
    assert slow.result(LIMIT) == "open"
    assert more.result(LIMIT) == 8


def test_shutdown_may_cancel_what_has_not_begun(make, gates):
    pool = make()
    blocking = gates(2)
    running = busy(pool, blocking)
    waiting = [pool.submit(time.sleep, 0.001) for _ in range(20)]
    pool.shutdown(wait=False, cancel_futures=True)
    for gate in blocking:
        gate.open()
    assert [future.result(LIMIT) for future in running] == ["open", "open"]
    cancelled = [future for future in waiting if future.cancelled()]
    assert len(cancelled) >= 16  # CPython has taken up to three more than it has workers
    assert [future.result(LIMIT) for future in waiting if future not in cancelled] == [None] * (20 - len(cancelled))
    if not isinstance(pool, ProcessPoolExecutor):  # which forgets to tell those who wait for the cancelled
        assert wait(waiting, LIMIT).not_done == set()


def test_shutdown_waits_while_it_cancels(make, gates):
    pool = make()
    blocking = gates(2)
    running = busy(pool, blocking)
    waiting = [pool.submit(pow, 2, 3) for _ in range(10)]
    opener = threading.Timer(0.05, lambda: [gate.open() for gate in blocking])
    opener.start()
    pool.shutdown(wait=True, cancel_futures=True)
    assert all(future.done() for future in (*running, *waiting))
    assert waiting[-1].cancelled()


def test_shutdown_ends_its_own_tasks_and_not_the_sessions(session, gates):
    [gate] = gates(1)
    others = session.executor()
    [slow] = busy(others, [gate])
    with session.executor() as pool:
        mine = pool.submit(pow, 2, 3)
    assert mine.done()
    assert not slow.done()
    gate.open()
    assert session.submit(pow, 2, 4).result(LIMIT) == 16


def test_shutdown_waits_for_dependants_too(session, gates):
    [gate] = gates(1)
    pool = session.executor()
    first = gate.submit(pool)
    second = pool.submit(len, first)
    threading.Timer(0.05, gate.open).start()
    pool.shutdown()
    assert second.done()
    assert second.result() == 4


def test_shutdown_in_a_callback_does_not_wait_for_itself(session, gates):
    first, second = gates(2)
    pool = session.executor()
    futures = busy(pool, [first, second])
    raised: list[BaseException] = []
    called = threading.Event()

    def shut(done):
        try:
            pool.shutdown(wait=True)
        except RuntimeError as error:
            raised.append(error)
        called.set()

    futures[0].add_done_callback(shut)
    first.open()
    assert called.wait(LIMIT)
    assert "callback" in str(raised[0])
    second.open()
    assert futures[1].result(LIMIT) == "open"
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(pow, 2, 3)


def test_a_closed_session_takes_no_calls(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        pool = session.executor()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(pow, 2, 3)
    pool.shutdown()


# threads, memory, options


def test_it_serves_many_threads(pool):
    results: dict[int, list[int]] = {}

    def work(index):
        futures = [pool.submit(operator.mul, index, n) for n in range(50)]
        results[index] = [future.result(LIMIT) for future in futures]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert results == {index: [index * n for n in range(50)] for index in range(8)}


def test_threads_may_submit_while_another_shuts_it_down(session):
    for _ in range(20):
        pool = session.executor()
        taken: list[Future[int]] = []
        start = threading.Barrier(4)

        def work(pool=pool, taken=taken, start=start):
            start.wait(LIMIT)
            try:
                while True:
                    taken.append(pool.submit(abs, -1))
            except RuntimeError:
                return

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        start.wait(LIMIT)
        pool.shutdown()
        for thread in threads:
            thread.join(LIMIT)
        assert all(future.done() for future in taken)


def test_an_argument_may_submit_while_it_is_pickled(ours):
    class Eager:
        def __reduce__(self):
            return abs, (-ours.submit(pow, 2, 3).result(LIMIT),)

    assert ours.submit(operator.add, Eager(), 1).result(LIMIT) == 9


def test_what_has_ended_is_not_kept(ours):
    futures = [ours.submit(pow, 2, n) for n in range(20)]
    references = [weakref.ref(future) for future in futures]
    wait(futures, LIMIT)
    del futures
    assert all(gone(reference) for reference in references)


def test_map_lets_go_of_each_result_that_it_has_given(ours, session):
    class Thing:
        pass

    for results in (ours.map(lambda n: Thing(), range(5)), session.map(lambda n: Thing(), range(5))):
        for thing in results:
            reference = weakref.ref(thing)
            del thing
            assert gone(reference)


def test_its_tasks_have_the_options_it_was_made_with(session):
    pool = session.executor(name="step", retries=1)
    assert "step" in repr(pool.submit(pow, 2, 3))
    with pytest.raises(pq.InvalidDescriptionError, match="priority"):
        session.executor(prioritty=1)


def test_our_futures_are_futures_of_tasks(ours):
    assert isinstance(ours.submit(pow, 2, 3), pq.TaskFuture)


def test_what_is_no_function_is_refused(ours):
    with pytest.raises(TypeError, match="not callable"):
        ours.submit(5)


# errors that CPython loses


def test_an_exception_that_cannot_be_pickled_arrives_as_text(ours):
    def fail():
        class Held(Exception):
            def __init__(self):
                super().__init__("the message")
                self.lock = threading.Lock()

        raise Held

    with pytest.raises(pq.RemoteTaskError, match=r"Held: the message") as caught:
        ours.submit(fail).result(LIMIT)
    assert "raise Held" in str(caught.value.__cause__)


def test_an_exception_that_cannot_be_rebuilt_arrives_as_text(ours):
    class TwoArguments(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

    def fail():
        raise TwoArguments(1, 2)

    with pytest.raises(pq.RemoteTaskError, match="TwoArguments: 1 and 2"):
        ours.submit(fail).result(LIMIT)


def test_an_exception_that_becomes_something_else_arrives_as_text(ours):
    class Turncoat(Exception):
        def __reduce__(self):
            return str, ("no exception",)

    def fail():
        raise Turncoat("the message")

    with pytest.raises(pq.RemoteTaskError, match="Turncoat: the message"):
        ours.submit(fail).result(LIMIT)
    assert ours.submit(pow, 2, 3).result(LIMIT) == 8


def test_an_exception_whose_class_forbids_assignments_arrives_as_it_was(ours):
    class Frozen(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    def fail():
        raise Frozen("the message")

    with pytest.raises(Exception, match="the message") as caught:
        ours.submit(fail).result(LIMIT)
    assert type(caught.value).__name__ == "Frozen"
    assert "Traceback" in str(caught.value.__cause__)


def test_a_result_that_exits_while_it_is_rebuilt_fails_its_own_future_only(ours):
    home = os.getpid()

    class Landmine:
        def __reduce__(self):
            return _exit_in(home)

    def _exit_in(pid):
        return eval, (f"__import__('sys').exit(3) if __import__('os').getpid() == {pid} else None",)

    with pytest.raises(pq.NotPicklableError, match="cannot be rebuilt here"):
        ours.submit(Landmine).result(LIMIT)
    assert ours.submit(pow, 2, 3).result(LIMIT) == 8


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, BaseException])
def test_any_base_exception_belongs_to_its_future(ours, kind):
    def fail():
        raise kind("the message")

    error = ours.submit(fail).exception(LIMIT)
    assert type(error) is kind
    assert ours.submit(pow, 2, 3).result(LIMIT) == 8


def test_notes_and_attributes_of_an_exception_survive(ours):
    def fail():
        error = ValueError("the message")
        error.add_note("a note")
        error.code = 7
        raise error

    error = ours.submit(fail).exception(LIMIT)
    assert error.__notes__ == ["a note"]
    assert error.code == 7


# asyncio


def test_run_in_executor(pool):
    async def main():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, pow, 2, n) for n in range(20)))

    assert asyncio.run(main()) == [2**n for n in range(20)]


def test_run_in_executor_raises_what_the_call_raised(pool):
    async def main():
        await asyncio.get_running_loop().run_in_executor(pool, operator.truediv, 1, 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_wrap_future_and_wait_for(pool, gates):
    [gate] = gates(1)

    async def main():
        slow = gate.submit(pool)
        gate.reached()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(slow), 0.01)
        assert not slow.cancelled()  # it runs: too late
        gate.open()
        return await asyncio.wrap_future(slow)

    assert asyncio.run(main()) == "open"


def test_cancelling_the_awaiting_side_cancels_what_has_not_begun(pool, gates):
    blocking = gates(2)
    busy(pool, blocking)
    waiting = [pool.submit(pow, 2, n) for n in range(10)]

    async def main():
        task = asyncio.ensure_future(asyncio.wrap_future(waiting[-1]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert waiting[-1].cancelled()
    for gate in blocking:
        gate.open()
    assert [future.result(LIMIT) for future in waiting[:-1]] == [2**n for n in range(9)]


def test_a_cancelled_call_cancels_who_awaits_it(pool, gates):
    blocking = gates(2)
    busy(pool, blocking)
    waiting = [pool.submit(pow, 2, n) for n in range(10)]

    async def main():
        wrapped = asyncio.wrap_future(waiting[-1])
        waiting[-1].cancel()
        await wrapped

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    for gate in blocking:
        gate.open()
    wait(waiting, LIMIT)


def test_our_futures_can_be_awaited_as_they_are(ours):
    async def main():
        assert await ours.submit(pow, 2, 10) == 1024
        return await asyncio.gather(*(ours.submit(pow, 2, n) for n in range(200)))

    assert asyncio.run(main()) == [2**n for n in range(200)]


def test_awaiting_a_failure_raises_it(ours):
    async def main():
        await ours.submit(operator.truediv, 1, 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
