"""The session as its users see it: tasks, options, pilots that come and go, and the end."""

from __future__ import annotations

import errno
import operator
import os
import threading
import time
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

import pilot_quantum as pq
from pilot_quantum.journal.events import TASK_STATES
from pilot_quantum.journal.reader import JournalReader

LIMIT = 60
"""Seconds after which a test that hangs fails; nothing is measured with it."""


class Gate:
    """A task that runs until it is told to end: it reads a named pipe that nobody has written yet."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.writer = None

    def reached(self):
        """Return when the task has begun."""
        deadline = time.monotonic() + LIMIT
        while self.writer is None:
            try:
                self.writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def open(self):
        """Let the task end; it returns "open"."""
        self.reached()
        os.write(self.writer, b"open")
        os.close(self.writer)


@pytest.fixture
def gates(tmp_path):
    made = iter(range(100))
    return lambda count: [Gate(tmp_path / f"gate-{next(made)}") for _ in range(count)]


@pytest.fixture
def new(tmp_path):
    """Makes sessions, and ends them with all their tasks."""
    made = []

    def make(*pilots):
        made.append(pq.Session(tmp_path / f"session-{len(made)}"))
        for pilot in pilots:
            made[-1].add_pilot(pilot)
        return made[-1]

    yield make
    for session in made:
        session.close(cancel=True)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Two workers that tests share and leave as they were."""
    session = pq.Session(tmp_path_factory.mktemp("session") / "s")
    session.add_pilot("local://?cores=2")
    yield session
    session.close(cancel=True)


def busy(session, gates, **options):
    """Fill workers, one gate each; the futures."""
    futures = []
    for gate in gates:
        futures.append(session.with_options(**options).submit(Path.read_text, gate.path))
        gate.reached()
    return futures


# Tasks.


def test_the_first_example(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        pilot = session.add_pilot("local://?cores=1")
        assert session.submit(pow, 2, 10).result(LIMIT) == 1024
        assert pilot.state == "active"
        assert session.pilots == (pilot,)
        [profile] = session.resources()
        assert (profile.pilot, profile.cores) == (pilot.id, 1)
    assert pilot.state == "done"
    assert session.resources() == ()


def test_many_tasks_in_the_order_of_their_items(session):
    assert list(session.map(operator.mul, range(1000), range(1000))) == [n * n for n in range(1000)]
    futures = session.submit_many(pow, [2, 3, 4], [1, 2])
    assert [future.result(LIMIT) for future in futures] == [2, 9]
    assert set(session.as_completed(futures, LIMIT)) == set(futures)
    assert session.submit_many(pow, []) == []


def test_what_a_program_defines_is_seen_as_it_is_now(session):
    factor = 2

    def scale(n):
        return n * factor

    first = session.submit(scale, 10)
    factor = 3
    second = session.submit(scale, 10)
    assert (first.result(LIMIT), second.result(LIMIT)) == (20, 30)


def test_arguments_are_taken_as_they_are_now(session, gates):
    blocking = gates(2)
    busy(session, blocking)
    items = [1]
    future = session.submit(sum, items)
    items.append(1)
    for gate in blocking:
        gate.open()
    assert future.result(LIMIT) == 1


def test_what_a_task_prints_is_kept(session):
    def speak():
        import os
        import sys

        print("to stdout")
        print("to stderr", file=sys.stderr)
        os.write(1, b"below python\n")

    future = session.submit(speak)
    future.result(LIMIT)
    assert future.output() == "to stdout\nbelow python\nto stderr\n"
    assert future.output("stderr") == "to stderr\n"
    assert session.submit(abs, 1).output() == ""


def test_a_session_serves_many_threads(session):
    results = {}

    def work(index):
        futures = [session.submit(operator.add, n, index) for n in range(100)]
        results[index] = sum(future.result(LIMIT) for future in futures)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert results == {index: 4950 + 100 * index for index in range(6)}


# What cannot travel.


def test_an_argument_that_cannot_travel_is_named_before_anything_runs(session):
    with pytest.raises(pq.NotPicklableError, match=r"argument 1 \(<unlocked _thread.lock.*build the object inside"):
        session.submit(print, 1, threading.Lock())
    with pytest.raises(pq.NotPicklableError, match="argument end="):
        session.submit(print, 1, end=threading.Lock())


def test_a_function_that_cannot_travel_is_named_before_anything_runs(session):
    lock = threading.Lock()
    with pytest.raises(pq.NotPicklableError, match=r"function .*<lambda> cannot be sent"):
        session.submit(lambda: lock)
    pending = session.with_options(needs=pq.Needs(), name="held").submit(time.sleep, 0.05)
    with pytest.raises(pq.NotPicklableError, match="futures"):
        session.submit(lambda: pending)


def test_a_result_that_cannot_travel_fails_its_task_alone(session):
    before, bad, after = session.submit(abs, -1), session.submit(threading.Lock), session.submit(abs, -2)
    with pytest.raises(pq.NotPicklableError, match=r"the result \(a _thread.lock\) cannot be sent back"):
        bad.result(LIMIT)
    assert (before.result(LIMIT), after.result(LIMIT)) == (1, 2)


def test_map_starts_all_or_nothing(session, gates, tmp_path):
    blocking = gates(2)
    busy(session, blocking)
    with pytest.raises(pq.NotPicklableError):
        session.map(Path.touch, [tmp_path / "mark", threading.Lock()])
    for gate in blocking:
        gate.open()
    assert session.submit(abs, -1).result(LIMIT) == 1
    assert not (tmp_path / "mark").exists()


# Options.


def test_options_in_the_short_form_and_in_the_long_one(session):
    assert "step" in repr(session.submit(abs, -1, name="step"))
    careful = session.with_options(name="outer", priority=2).with_options(name="inner")
    assert (careful.options.name, careful.options.priority) == ("inner", 2)
    assert careful.submit(dict, needs="mine", priority=0).result(LIMIT) == {"needs": "mine", "priority": 0}
    with pytest.raises(TypeError, match="with_options"):
        session.submit(lambda needs: needs, needs=pq.Needs())


def test_a_bad_option_is_refused_before_anything_runs(session):
    with pytest.raises(pq.InvalidDescriptionError, match="did you mean 'priority'"):
        session.with_options(prioritty=1)
    with pytest.raises(pq.InvalidDescriptionError, match="retries=-1"):
        session.submit(abs, -1, retries=-1)
    assert session.submit(abs, -1, priority=1).result(LIMIT) == 1
    with pytest.raises(pq.InvalidDescriptionError, match="priority=True"):
        session.submit(abs, -1, priority=True)
    with pytest.raises(pq.InvalidDescriptionError, match="memory=-1"):
        session.submit(abs, -1, needs=pq.Needs(memory=-1))


def test_a_priority_goes_before(session, gates, tmp_path):
    blocking = gates(2)
    busy(session, blocking)
    trace = tmp_path / "trace"

    def mark(text):
        with trace.open("a") as file:
            file.write(text)

    later = session.submit(mark, "b", affinity="one")
    sooner = [session.submit(mark, "a", affinity="one", priority=1) for _ in range(3)]
    blocking[0].open()
    wait([later, *sooner], LIMIT)
    blocking[1].open()
    assert trace.read_text() == "aaab"


def test_retries_and_timeouts(session, tmp_path):
    def stumble(path, times):
        with path.open("a") as file:
            file.write("x")
        if len(path.read_text()) <= times:
            raise ValueError("once more")
        return "done"

    assert session.submit(stumble, tmp_path / "one", 2, retries=2).result(LIMIT) == "done"
    with pytest.raises(ValueError, match="once more"):
        session.submit(stumble, tmp_path / "two", 2, retries=1).result(LIMIT)
    with pytest.raises(pq.TaskTimeoutError, match=r"'slow'.*0.05 s"):
        session.submit(time.sleep, LIMIT, name="slow", timeout=0.05).result(LIMIT)


def test_variants_bring_their_own_functions(session):
    small = pq.Variant(pq.Needs(cores=1), lambda n: ("small", n))
    large = pq.Variant(pq.Needs(cores=64), lambda n: ("large", n))
    assert session.submit(lambda n: ("own", n), 1, needs=[large, small]).result(LIMIT) == ("small", 1)
    assert session.submit(lambda n: ("own", n), 2, needs=[large, pq.Needs()]).result(LIMIT) == ("own", 2)


def test_a_variants_own_function_is_seen_as_it_is_now(session):
    factor = 2
    submitter = session.with_options(needs=[pq.Variant(pq.Needs(gpus=1)), pq.Variant(pq.Needs(), lambda n: n * factor)])
    first = submitter.submit(abs, 5)
    factor = 3
    second = submitter.submit(abs, 5)
    assert (first.result(LIMIT), second.result(LIMIT)) == (10, 15)


# Cancelling and explaining.


def test_a_task_can_be_cancelled_in_any_state(session, gates):
    blocking = gates(2)
    running = busy(session, blocking)
    queued = session.submit(abs, -1)
    waiting = session.submit(abs, queued)
    assert "waiting for its inputs" in session.explain(waiting)
    assert "queued" in session.explain(queued)
    while "running" not in session.explain(running[0]):  # its worker's word may be on its way
        assert not running[0].done()
    assert not running[0].cancel()
    session.cancel(waiting, queued, running[0])
    for future in (waiting, queued, running[0]):
        with pytest.raises(CancelledError):
            future.result(LIMIT)
    blocking[1].open()
    assert running[1].result(LIMIT) == "open"
    session.cancel(running[1])
    assert running[1].result(LIMIT) == "open"
    assert "has ended" in session.explain(running[1])


def test_tasks_of_another_session_are_left_alone(session, new):
    other = new()
    theirs = other.submit(abs, -1)
    for act in (session.cancel, session.explain):
        with pytest.raises(ValueError, match="another session"):
            act(theirs)
    assert not theirs.done()


def test_the_counts_add_up(new):
    session = new("local://?cores=1")
    good, bad = session.submit(abs, -1), session.submit(operator.truediv, 1, 0)
    dependant = session.submit(abs, bad)
    wait([good, bad, dependant], LIMIT)
    other = session.submit(abs, -1, wait_for_capacity=True, needs=pq.Needs(gpus=9))
    assert session.explain(other)
    assert {state.value: n for state, n in session.counts().items() if n} == {"done": 1, "failed": 2, "queued": 1}


# Pilots that come and go.


def test_tasks_wait_for_the_first_pilot(new):
    session = new()
    future = session.submit(abs, -1)
    assert "no pilot yet" in session.explain(future)
    session.add_pilot("local://?cores=1")
    assert future.result(LIMIT) == 1


def test_three_pilots_share_the_work_and_may_leave(new, gates):
    session = new("local://?cores=1&name=a", "local://?cores=1&name=b", "local://?cores=1&name=c")
    blocking = gates(3)
    running = busy(session, blocking)
    a, b, c = session.pilots
    a.drain()
    for gate in blocking:
        gate.open()
    assert [future.result(LIMIT) for future in running] == ["open"] * 3
    assert a.wait("done", LIMIT) == "done"
    b.cancel()
    assert b.wait("cancelled", LIMIT) == "cancelled"
    assert list(session.map(abs, range(20))) == list(range(20))
    assert [profile.pilot for profile in session.resources()] == [c.id]


def test_a_pilot_that_is_drained_ends_what_it_runs_and_takes_no_more(new, gates):
    session = new("local://?cores=1&name=a")
    [gate] = gates(1)
    [running] = busy(session, [gate])
    queued = session.submit(abs, -1, wait_for_capacity=True)
    session.pilots[0].drain()
    session.pilots[0].drain()
    assert session.pilots[0].wait("draining", LIMIT) == "draining"
    gate.open()
    assert running.result(LIMIT) == "open"
    assert session.pilots[0].wait("done", LIMIT) == "done"
    assert not queued.done()
    session.add_pilot("local://?cores=1&name=b")
    assert queued.result(LIMIT) == 1


def test_what_a_cancelled_pilot_ran_is_run_elsewhere(new, gates, tmp_path):
    session = new("local://?cores=1&name=a")
    first, second = gates(2)

    def run(marks, gates):
        with marks.open("a") as file:
            file.write("x")
        return gates[len(marks.read_text()) - 1].read_text()

    future = session.submit(run, tmp_path / "marks", [first.path, second.path])
    first.reached()
    session.add_pilot("local://?cores=1&name=b")
    session.pilots[0].cancel()
    second.open()
    assert future.result(LIMIT) == "open"
    assert (tmp_path / "marks").read_text() == "xx"


def test_a_task_is_lost_with_the_last_pilot_that_could_run_it(new, gates):
    session = new("local://?cores=2&name=large", "local://?cores=1&name=small")
    [gate] = gates(1)
    [running] = busy(session, [gate], needs=pq.Needs(cores=2))
    session.pilots[0].cancel()
    with pytest.raises(pq.PilotLostError, match=r"'large'.*wait_for_capacity"):
        running.result(LIMIT)
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_what_no_pilot_can_run_is_refused_with_the_nearest_and_what_is_missing(new):
    session = new("local://?cores=1&name=small", "local://?cores=2&name=large")
    with pytest.raises(pq.UnsatisfiableError, match=r"'huge' needs 64 cores on one node, has 2 .*'large'"):
        session.submit(abs, -1, name="huge", needs=pq.Needs(cores=64)).result(LIMIT)
    with pytest.raises(pq.UnsatisfiableError, match="capability teleport"):
        session.submit(abs, -1, needs=pq.Needs(capabilities="teleport")).result(LIMIT)
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_it_waits_for_capacity_when_told_and_says_for_what(new):
    session = new("local://?cores=1")
    future = session.submit(abs, -1, needs=pq.Needs(capabilities="special"), wait_for_capacity=True)
    assert "capability special" in session.explain(future)
    session.add_pilot("local://?cores=1&capabilities=special")
    assert future.result(LIMIT) == 1


def test_a_walltime_ends_a_pilot_and_its_tasks_go_on_elsewhere(new):
    session = new("local://?cores=1&walltime=0.3s&name=brief")
    future = session.submit(time.sleep, 0.6, wait_for_capacity=True)
    assert session.pilots[0].wait("done", LIMIT) == "done"
    assert "walltime" in session.pilots[0].cause
    session.add_pilot("local://?cores=1")
    assert future.result(LIMIT) is None


def test_a_pilot_that_cannot_be_meant_is_refused(new):
    session = new("local://?cores=1&name=a")
    for resource, words in (
        ("locl://", "did you mean 'local'"),
        ("local://?core=1", "did you mean 'cores'"),
        ("local://?name=a", "'a' is taken"),
        ("local://?memory=999TiB", "more than this machine"),
    ):
        with pytest.raises(pq.InvalidDescriptionError, match=words):
            session.add_pilot(resource)
    with pytest.raises(TypeError, match="PilotDescription"):
        session.add_pilot(pq.PilotDescription(), cores=2)
    assert len(session.pilots) == 1
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_two_sessions_at_once(new):
    one, two = new("local://?cores=1"), new("local://?cores=1")
    first = [one.submit(operator.add, n, 1) for n in range(50)]
    second = [two.submit(operator.add, n, 2) for n in range(50)]
    one.close()
    assert [future.result(LIMIT) for future in second] == [n + 2 for n in range(50)]
    assert [future.result(0) for future in first] == [n + 1 for n in range(50)]


# The end.


def test_a_closed_session_takes_no_more(new):
    session = new("local://?cores=1")
    submitter, pool = session.with_options(name="x"), session.executor()
    session.close()
    session.close()
    session.close(cancel=True)
    for act in (
        lambda: session.submit(abs, -1),
        lambda: submitter.submit(abs, -1),
        lambda: session.map(abs, [1]),
        lambda: pool.submit(abs, -1),
        lambda: session.add_pilot("local://"),
    ):
        with pytest.raises(pq.SessionClosedError, match=r"session-0.*open a new one"):
            act()
    assert "closed" in repr(session)


def test_leaving_the_with_block_waits_for_all(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        futures = [session.submit(operator.add, n, 1) for n in range(500)]
        session.add_pilot("local://?cores=2")
    assert [future.result(0) for future in futures] == list(range(1, 501))


def test_leaving_with_no_pilot_ends_every_future(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        futures = [session.submit(abs, -1), session.submit(abs, -1, wait_for_capacity=True)]
        futures.append(session.submit(abs, futures[0]))
    assert isinstance(futures[0].exception(0), pq.PilotLostError)
    assert all(future.done() for future in futures)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_leaving_by_an_error_cancels_all(tmp_path, gates, error):
    [gate] = gates(1)
    with pytest.raises(error), pq.Session(tmp_path / "s") as session:  # noqa: PT012 - the block is the point
        session.add_pilot("local://?cores=1")
        futures = busy(session, [gate])
        futures += [session.submit(abs, -n) for n in range(10)]
        futures.append(session.submit(abs, futures[-1]))
        raise error
    assert all(future.cancelled() for future in futures)


def test_closing_from_two_threads_at_once(new):
    session = new("local://?cores=1")
    futures = [session.submit(abs, -n) for n in range(100)]
    threads = [threading.Thread(target=session.close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert all(future.done() for future in futures)


def test_closing_inside_a_callback_is_refused(new, gates):
    session = new("local://?cores=1")
    [gate] = gates(1)
    [future] = busy(session, [gate])
    raised, called = [], threading.Event()

    def close(done):
        try:
            session.close()
        except RuntimeError as error:
            raised.append(str(error))
        called.set()

    future.add_done_callback(close)
    gate.open()
    assert called.wait(LIMIT)
    assert "callback" in raised[0]
    assert session.submit(abs, -1).result(LIMIT) == 1


def test_no_future_is_left_open_when_threads_submit_while_it_closes(tmp_path):
    for number in range(15):
        session = pq.Session(tmp_path / str(number))
        session.add_pilot("local://?cores=1")
        taken, start = [], threading.Barrier(4)

        def work(session=session, taken=taken, start=start):
            start.wait(LIMIT)
            try:
                while True:
                    taken.append(session.submit(abs, -1))
            except pq.SessionClosedError:
                return

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        start.wait(LIMIT)
        session.close(cancel=bool(number % 2))
        for thread in threads:
            thread.join(LIMIT)
        assert wait(taken, 10).not_done == set()


# The directory.


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "below", "/proc/none/of/this"):
        with pytest.raises(pq.SessionDirectoryError, match=r"cannot be written.*directory="):
            pq.Session(path)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_read_only_directory_is_refused(tmp_path, unwritable):
    words = unwritable(tmp_path)
    with pytest.raises(pq.SessionDirectoryError, match=words):
        pq.Session(tmp_path / "s")


def test_a_directory_serves_one_session_at_a_time(tmp_path):
    with pq.Session(tmp_path / "s"), pytest.raises(pq.JournalError):
        pq.Session(tmp_path / "s")


def test_a_session_makes_its_own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pq.Session() as session:
        assert session.directory.parent == tmp_path / ".pilot-quantum"
        assert session.directory.is_absolute()
    assert (session.directory / "journal.sqlite").is_file()


def test_the_journal_tells_what_happened_to_every_task(tmp_path, gates):
    [gate] = gates(1)
    with pq.Session(tmp_path / "s") as session:
        session.add_pilot("local://?cores=1&name=here")
        [running] = busy(session, [gate], name="blocking")
        queued = session.submit(abs, -1, name="unwanted")
        queued.cancel()
        good = session.submit(abs, -1)
        bad = session.submit(operator.truediv, 1, 0)
        never = session.submit(abs, bad)
        after = session.submit(abs, good)
        gate.open()
    with JournalReader(session.directory) as journal:
        assert journal.life == "ended"
        counts = journal.counts
        states = {}
        for event in rows(journal):
            states.setdefault(event[0], []).append(event[1])
        assert states[running.id] == ["queued", "shipped", "running", "done"]
        assert states[queued.id] == ["queued", "cancelled"]
        assert states[bad.id] == ["queued", "shipped", "running", "failed"]
        assert states[never.id] == ["waiting", "failed"]
        assert states[after.id] == ["waiting", "queued", "shipped", "running", "done"]
        assert {"blocking", "unwanted"} <= {group.name for group in journal.groups.values()}
        assert [event.state for event in journal.pilots[0].events][-1] == "done"
    assert (counts.done, counts.failed, counts.cancelled) == (3, 2, 1)


def rows(journal):
    """(task, state) of every state change, in the order of time."""
    columns = journal.task_events
    order = sorted(range(len(columns)), key=lambda index: columns.mono[index])
    return [(int(columns.task[index]), TASK_STATES[columns.state[index]]) for index in order]


# Where it does not belong.


def test_a_child_that_the_program_forks_is_told_to_open_a_session_of_its_own(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        session.add_pilot("local://?cores=1")
        assert session.submit(abs, -1).result(60) == 1
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                session.submit(abs, -2)
            except pq.SessionClosedError as error:
                code = 0 if "a child that it forked" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert session.submit(abs, -3).result(60) == 3


def test_a_closed_session_cannot_be_entered_again(tmp_path):
    session = pq.Session(tmp_path / "s")
    session.close()
    with pytest.raises(pq.SessionClosedError), session:
        pass


def test_what_is_no_future_cannot_be_cancelled_or_explained(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        for ask in (session.cancel, session.explain):
            with pytest.raises(TypeError, match="3 is no task"):
                ask(3)


def test_a_slip_of_the_pen_does_not_start_a_million_workers(tmp_path):
    with pq.Session(tmp_path / "s") as session:
        with pytest.raises(pq.InvalidDescriptionError, match=r"cores=1000000 .* this machine has \d+ cores"):
            session.add_pilot("local://?cores=1000000")
        assert session.pilots == ()
