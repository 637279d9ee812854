"""Whole sessions when something dies: workers, the guard, the program. Nothing is lost, doubled, left over or hangs."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import pilot_quantum as pq
from pilot_quantum.errors import PilotLostError, WorkerLostError
from pilot_quantum.journal.reader import JournalReader

LIMIT = 30.0
"""Seconds after which a test that hangs fails; nothing is measured with it."""
PROMISE = 5.0
"""Seconds after which nothing is left of a program that was killed."""
NOISE = 5.0
"""Seconds that a busy machine may add."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[pq.Session]:
    session = pq.Session(tmp_path / "session")
    yield session
    session.close(cancel=True)


def until(condition: Callable[[], object], what: str = "it", limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {limit} s")
        time.sleep(0.01)


def running(pid: int) -> bool:
    """Whether this process runs (a zombie does not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def guard_of(pid: int | None = None) -> psutil.Process:
    """The guard that process `pid` (this one) started last: other tests may have sessions open."""
    guards = [one for one in psutil.Process(pid).children() if _is_guard(one)]
    return max(guards, key=psutil.Process.create_time)


def _is_guard(process: psutil.Process) -> bool:
    try:
        return any("resource.agent.guard" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


@contextlib.contextmanager
def busy(session: pq.Session, folder: Path) -> Iterator[None]:
    """Keep a session's only worker busy meanwhile, so that what is submitted queues up and travels in bundles."""

    def hold(path: str) -> None:
        while not os.path.exists(path):
            time.sleep(0.001)

    blocker = session.submit(hold, str(folder / "go"))
    until(lambda: "is running" in session.explain(blocker))
    yield
    session.explain(blocker)  # answered by the scheduler, when it has taken in what was submitted
    (folder / "go").touch()


def lost(session: pq.Session) -> list[str]:
    """The causes for which workers were lost; to be asked after the session has been closed."""
    with JournalReader(session.directory) as journal:
        return [event.cause for event in journal.worker_events if event.state == "lost"]


# Workers die.


def test_killing_workers_again_and_again_loses_nothing_and_doubles_nothing(session: pq.Session, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def work(number: int, seconds: float) -> int:
        time.sleep(seconds)
        with open(log, "a") as file:
            file.write(f"{number}\n")
        return -number

    session.add_pilot("local://?cores=2").wait("active", LIMIT)
    guard = guard_of()
    ended: Counter[int] = Counter()
    futures = [session.submit(work, number, 0.0 if number % 10 else 0.02) for number in range(3000)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: ended.update([number]))
    kills = 0
    while kills < 12 and len(ended) < 3000:
        for worker in guard.children()[:1]:
            worker.kill()
            kills += 1
        seen = len(ended)  # not the same task again and again: that would be stopped, as it should be
        until(lambda seen=seen: len(ended) >= min(3000, seen + 100), "progress between two kills")
    assert [future.result(LIMIT) for future in futures] == [-number for number in range(3000)]
    assert set(map(int, log.read_text().split())) == set(range(3000))
    session.close()
    assert set(ended.values()) == {1}
    assert len(ended) == 3000
    assert 0 < len(lost(session)) <= kills


@pytest.mark.parametrize("how", ["SIGKILL", "exit", "segfault"])
def test_a_task_that_kills_its_worker_is_stopped_and_named_and_its_mates_are_not_charged(
    session: pq.Session, tmp_path: Path, how: str
) -> None:
    deaths = tmp_path / "deaths"

    def tiny(number: int) -> int:
        if number != 77:
            return number
        with open(deaths, "a") as file:
            file.write("x")
        print("now", number, flush=True)
        if how == "SIGKILL":
            os.kill(os.getpid(), 9)
        if how == "exit":
            os._exit(3)
        ctypes.string_at(0)
        return number

    session.add_pilot("local://?cores=2")
    list(session.map(tiny, range(10)))  # known to be short from now on: they travel in bundles
    futures = [session.with_options(name=f"tiny-{number}").submit(tiny, number) for number in range(60, 80)]
    many = session.submit_many(tiny, [*range(77), *range(78, 200)])
    killer = session.with_options(name="the killer").submit(tiny, 77)
    error = killer.exception(LIMIT)
    assert isinstance(error, WorkerLostError)
    assert "'the killer'" in str(error)
    assert "3 workers" in str(error)
    assert {"SIGKILL": "SIGKILL", "exit": "code 3", "segfault": "SIGSEGV"}[how] in str(error)
    assert killer.output("stdout") == "now 77\n"
    assert [future.result(LIMIT) for future in many] == [*range(77), *range(78, 200)]
    named = {number: future.exception(LIMIT) for number, future in zip(range(60, 80), futures, strict=True)}
    assert [number for number, problem in named.items() if problem is not None] == [77]
    assert 6 <= len(deaths.read_text()) <= 8  # twice three times alone, and at most once each among mates


def test_killed_in_a_bundle_of_equals_only_the_killer_is_stopped(session: pq.Session, tmp_path: Path) -> None:
    def tiny(number: int) -> int:
        if number == 120:
            os.kill(os.getpid(), 9)
        return number

    session.add_pilot("local://?cores=1")
    list(session.map(tiny, range(50)))
    with busy(session, tmp_path):
        futures = session.submit_many(tiny, range(200))
    assert [future.result(LIMIT) for future in futures if future is not futures[120]] == [
        number for number in range(200) if number != 120
    ]
    assert "3 workers died" in str(futures[120].exception(LIMIT))


def test_a_worker_that_is_lost_with_a_long_task_costs_the_task_nothing_but_time(
    session: pq.Session, tmp_path: Path
) -> None:
    def report(folder: str) -> int:
        number = len(os.listdir(folder)) + 1
        Path(folder, str(os.getpid())).touch()
        print("attempt", number)
        if number < 3:
            time.sleep(600)
        return number

    folder = tmp_path / "pids"
    folder.mkdir()
    session.add_pilot("local://?cores=1")
    future = session.submit(report, str(folder))
    for number in (1, 2):
        until(lambda number=number: len(os.listdir(folder)) == number)
        os.kill(max(map(int, os.listdir(folder)), key=lambda pid: (folder / str(pid)).stat().st_mtime_ns), 9)
    assert future.result(LIMIT) == 3
    assert future.output() == "attempt 3\n"


# Tasks are ended.


def test_cancelling_a_running_task_ends_its_children_and_reruns_its_mates(session: pq.Session, tmp_path: Path) -> None:
    def work(number: int, seconds: float) -> int:
        if seconds:
            code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
            sleep = ["sleep", "600"]
            children = [subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]
            detached = int(subprocess.run([sys.executable, "-c", code, *sleep], stdout=subprocess.PIPE).stdout)
            print(json.dumps([os.getpid(), *children, detached]), flush=True)
            Path(tmp_path, "begun").touch()
            time.sleep(seconds)
        return number

    session.add_pilot("local://?cores=1")
    list(session.map(work, range(100), [0.0] * 100))
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        with busy(session, tmp_path):
            futures = [session.submit(work, number, 600.0 if number == 3 else 0.0) for number in range(30)]
        until((tmp_path / "begun").exists)
        until(lambda: "is running" in session.explain(futures[3]))
        session.cancel(futures[3])
        assert [f.result(LIMIT) for f in futures if f is not futures[3]] == [n for n in range(30) if n != 3]
        assert futures[3].cancelled()
        pids = json.loads(futures[3].output())
        until(lambda: not any(map(running, pids)), "the end of the task's processes")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_cancelling_what_is_shipped_and_has_not_begun(session: pq.Session, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    ran.mkdir()

    def work(number: int, wait: str) -> int:
        (ran / str(number)).touch()
        while wait and not os.path.exists(wait):
            time.sleep(0.005)
        return number

    gate = tmp_path / "gate"
    session.add_pilot("local://?cores=1")
    list(session.map(work, range(1000, 1100), [""] * 100))
    with busy(session, tmp_path):
        futures = [session.submit(work, number, str(gate) if number == 0 else "") for number in range(20)]
    until((ran / "0").exists)
    until(lambda: "is shipped" in session.explain(futures[1]))
    session.cancel(*futures[1:5])
    until(lambda: all(future.cancelled() for future in futures[1:5]))  # the worker has let go of them
    gate.touch()
    assert [future.result(LIMIT) for future in (futures[0], *futures[5:])] == [0, *range(5, 20)]
    assert all(future.cancelled() for future in futures[1:5])
    session.close()
    assert lost(session) == []  # nobody had to be ended for it


def test_cancelling_everything_at_any_moment_leaves_nothing_and_close_returns(session: pq.Session) -> None:
    session.add_pilot("local://?cores=2")
    list(session.map(time.sleep, [0.0] * 100))
    for round_ in range(8):
        futures = [session.submit(time.sleep, 0.0 if number % 7 else 0.02) for number in range(100)]
        time.sleep(0.004 * round_)
        session.cancel(*futures)
        wait(futures, LIMIT)
        assert all(future.cancelled() or future.result() is None for future in futures)
    assert session.submit(abs, -1).result(LIMIT) == 1
    closer = threading.Thread(target=session.close)
    closer.start()
    closer.join(LIMIT)
    assert not closer.is_alive()


def test_a_timeout_ends_the_task_its_children_and_is_retried(session: pq.Session, tmp_path: Path) -> None:
    def stay(folder: str) -> int:
        number = len(os.listdir(folder)) + 1
        child = subprocess.Popen(["sleep", "600"])
        Path(folder, str(child.pid)).touch()
        print("try", number)
        time.sleep(600)
        return number

    session.add_pilot("local://?cores=1")
    for name, retries in (("a", 0), ("b", 2)):
        folder = tmp_path / name
        folder.mkdir()
        future = session.with_options(timeout=0.3, retries=retries, name="stay").submit(stay, str(folder))
        error = future.exception(LIMIT)
        assert isinstance(error, TimeoutError)
        assert "'stay' ran longer than its timeout of 0.3 s" in str(error)
        children = [int(path.name) for path in folder.iterdir()]
        assert len(children) == retries + 1
        assert future.output() == f"try {retries + 1}\n"
        until(lambda children=children: not any(map(running, children)))


@pytest.mark.parametrize("how", ["C call", "big number"])
def test_user_code_that_holds_the_interpreter_can_be_ended(session: pq.Session, tmp_path: Path, how: str) -> None:
    def hold(path: str, pid_first: bool) -> None:
        Path(path).write_text(str(os.getpid()))
        time.sleep(0.05)  # the one moment in which its beginning can be announced
        if how == "C call":
            ctypes.PyDLL(None).sleep(600)
        else:
            pow(7, 10**10)

    session.add_pilot("local://?cores=1")
    one = session.submit(hold, str(tmp_path / "1"), True)
    until(lambda: (tmp_path / "1").exists() and "is running" in session.explain(one))
    session.cancel(one)
    assert session.submit(abs, -1).result(LIMIT) == 1
    two = session.with_options(timeout=0.3).submit(hold, str(tmp_path / "2"), True)
    assert isinstance(two.exception(LIMIT), TimeoutError)
    three = session.submit(hold, str(tmp_path / "3"), True)
    until((tmp_path / "3").exists)
    time.sleep(0.1)
    session.close(cancel=True)
    assert three.cancelled()
    assert not any(running(int((tmp_path / name).read_text())) for name in "123")


def test_the_attempts_outputs_are_kept_apart(session: pq.Session, tmp_path: Path) -> None:
    def speak(path: str) -> str:
        with open(path, "a+") as file:
            file.write("x")
            file.seek(0)
            number = len(file.read())
        print(f"out {number}")
        print(f"err {number}", file=sys.stderr)
        os.write(1, f"raw {number}\n".encode())
        subprocess.run(["echo", f"child {number}"])
        if number == 1:
            raise ValueError("once")
        if number == 2:
            os.kill(os.getpid(), 9)
        if number == 3:
            time.sleep(600)
        return "done"

    session.add_pilot("local://?cores=1")
    future = session.with_options(retries=2, timeout=1).submit(speak, str(tmp_path / "count"))
    assert future.result(LIMIT) == "done"
    kept = [(o.attempt, o.stdout.read_bytes()[o.ranges[0] : o.ranges[1]]) for o in future._outputs or ()]
    assert kept == [(n, f"out {n}\nraw {n}\nchild {n}\n".encode()) for n in (1, 2, 3, 4)]
    assert future.output("stdout") == "out 4\nraw 4\nchild 4\n"
    assert future.output("stderr") == "err 4\n"
    assert future.output() == "out 4\nraw 4\nchild 4\nerr 4\n"


def test_the_output_of_a_silent_last_attempt_is_empty(session: pq.Session, tmp_path: Path) -> None:
    def speak_once(path: str) -> None:
        if not os.path.exists(path):
            Path(path).touch()
            print("only now")
            raise ValueError("once")

    session.add_pilot("local://?cores=1")
    future = session.with_options(retries=1).submit(speak_once, str(tmp_path / "flag"))
    future.result(LIMIT)
    assert future.output() == ""


# The guard dies.


def test_when_the_guard_is_killed_the_pilot_fails_and_tasks_run_on_another(session: pq.Session, tmp_path: Path) -> None:
    def work(path: str, seconds: float) -> int:
        Path(path).write_text(str(os.getpid()))
        time.sleep(seconds)
        return os.getpid()

    pilot = session.add_pilot("local://?cores=1")
    patient = session.with_options(wait_for_capacity=True).submit(work, str(tmp_path / "pid"), 0.0)
    first = patient.result(LIMIT)
    doomed = session.submit(work, str(tmp_path / "doomed"), 600.0)
    waiting = session.with_options(wait_for_capacity=True).submit(work, str(tmp_path / "waiting"), 0.0)
    until((tmp_path / "doomed").exists)
    guard_of().kill()
    assert pilot.wait("failed", LIMIT) == "failed"
    assert "guard" in pilot.cause
    error = doomed.exception(LIMIT)
    assert isinstance(error, PilotLostError)
    assert "guard" in str(error)
    until(lambda: not running(first))
    assert not waiting.done()
    session.add_pilot("local://?cores=1")
    assert waiting.result(LIMIT) != first


# The program dies.

PROGRAM = """
import json, os, subprocess, sys, time
import pilot_quantum as pq

def spawn():
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
    pids = [os.getpid(), subprocess.Popen(sleep).pid, subprocess.Popen(sleep, start_new_session=True).pid]
    pids.append(int(subprocess.run([sys.executable, "-c", code, *sleep], stdout=-1).stdout))
    return pids

def tell(path, what):
    with open(path + ".tmp", "w") as file:
        json.dump(what, file)
    os.rename(path + ".tmp", path)

def work(path):
    tell(path, spawn())
    {work}

def main(session):
    session.add_pilot("local://?cores=2")
    futures = [session.submit(work, f"{{sys.argv[1]}}/{{name}}") for name in "ab"[:{tasks}]]
    {before}
    for future in futures:
        future.result()

with pq.Session(sys.argv[1] + "/session") as session:
    main(session)
"""

AER = """
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator
    circuit = QuantumCircuit(26)
    for layer in range(2000):
        for qubit in range(26):
            circuit.ry(0.1 + layer, qubit)
        for qubit in range(layer % 2, 25, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    AerSimulator(method="statevector").run(circuit, shots=1).result()
"""


class Program:
    """A program in a process of its own, and the processes that its tasks have told of."""

    def __init__(self, folder: Path, tasks: int = 2, before: str = "", work: str = "time.sleep(600)") -> None:
        self.folder = folder
        self.names = "ab"[:tasks]
        work = textwrap.dedent(work).strip().replace("\n", "\n    ")
        before = textwrap.dedent(before).strip().replace("\n", "\n    ")
        script = folder / "program.py"
        script.write_text(PROGRAM.format(work=work, before=before, tasks=tasks))
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.log = folder / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(script), str(folder)], stdout=log, stderr=log, env=environ, start_new_session=True
            )

    def told(self, name: str) -> list[int]:
        path = self.folder / name

        def there() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return path.exists()

        until(there, f"file {name}")
        return list(json.loads(path.read_text()))

    @property
    def pids(self) -> list[int]:
        """All that the program has started so far."""
        pids = [pid for name in self.names for pid in self.told(name)]
        return sorted({*pids, *(one.pid for one in guard_of(self.process.pid).children(True)), self.guard})

    @property
    def guard(self) -> int:
        return guard_of(self.process.pid).pid

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def all_gone(pids: list[int], since: float) -> None:
    until(lambda: not any(map(running, pids)), f"the end of {pids}", PROMISE + NOISE - (time.monotonic() - since))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_program_is_ended_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    program = Program(tmp_path)
    try:
        pids = program.pids
        assert all(map(running, pids))
        program.process.send_signal(number)
        killed = time.monotonic()
        all_gone(pids, killed)
        assert program.process.wait(LIMIT) != 0
        assert bystander.poll() is None
    finally:
        program.end()
        bystander.kill()
        bystander.wait()


@pytest.mark.requires("aer")
def test_when_the_program_is_killed_during_a_long_simulation_nothing_is_left(tmp_path: Path) -> None:
    program = Program(tmp_path, tasks=1, work=AER)
    try:
        pids = program.pids
        worker = psutil.Process(program.told("a")[0])
        until(lambda: worker.memory_info().rss > 2**30, "the simulation")  # it is in C++, with 2**26 amplitudes
        program.process.kill()
        all_gone(pids, time.monotonic())
    finally:
        program.end()


def test_children_that_the_program_forked_live_on_and_keep_nothing_else_alive(tmp_path: Path) -> None:
    before = """
        import multiprocessing
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        child.start()
        plain = subprocess.Popen(["sleep", "600"])
        tell(sys.argv[1] + "/own", [child.pid, plain.pid])
    """
    program = Program(tmp_path, before=before)
    own: list[int] = []
    try:
        own = program.told("own")
        pids = program.pids
        program.process.kill()
        all_gone(pids, time.monotonic())
        assert all(map(running, own))
    finally:
        program.end()
        for pid in own:
            os.kill(pid, signal.SIGKILL)


def test_a_child_that_the_program_forked_may_end_without_taking_the_session_with_it(tmp_path: Path) -> None:
    """The standard way, multiprocessing: its children end without the exit handlers of their parent."""
    with pq.Session(tmp_path) as session:
        session.add_pilot("local://?cores=1").wait("active", LIMIT)
        future = session.submit(time.sleep, 0.3)
        child = multiprocessing.get_context("fork").Process(target=abs, args=(1,))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert future.result(LIMIT) is None
        assert session.submit(abs, -1).result(LIMIT) == 1


@pytest.mark.parametrize("leave", ["sys.exit(0)", "raise ValueError('in the child')"])
def test_a_plain_fork_of_the_program_may_run_its_exit_handlers(tmp_path: Path, leave: str) -> None:
    code = f"""
import os, sys, time
import pilot_quantum as pq
with pq.Session(sys.argv[1]) as session:
    session.add_pilot("local://?cores=1").wait("active")
    future = session.submit(time.sleep, 0.3)
    child = os.fork()
    if child == 0:
        {leave}
    end = time.monotonic() + 20
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            os.kill(child, 9)
            os._exit(3)
        time.sleep(0.01)
    future.result(10)
    assert session.submit(abs, -1).result(10) == 1
print("well")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=LIMIT * 2
    )
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr


# Large things, and things that leak.


def test_large_arguments_and_results_travel_both_ways_at_once(session: pq.Session) -> None:
    def swap(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return array[::-1] + 1

    session.add_pilot("local://?cores=2")
    array = np.arange(6_500_000, dtype=np.int64)  # 52 MB
    futures = [session.submit(swap, array + number) for number in range(4)]
    end = time.monotonic() + 0.5
    while time.monotonic() < end:  # the program's own thread is busy while results arrive
        sum(range(1000))
    for number, future in enumerate(futures):
        assert np.array_equal(future.result(LIMIT), (array + number)[::-1] + 1)


def test_many_functions_and_large_ones(session: pq.Session) -> None:
    session.add_pilot("local://?cores=2")
    ballast = os.urandom(3_000_000)
    futures = [session.submit(lambda number=number: number * 2) for number in range(300)]
    large = [session.submit(lambda number=number: len(ballast) + number) for number in range(8)]
    assert [future.result(LIMIT) for future in futures] == [number * 2 for number in range(300)]
    assert [future.result(LIMIT) for future in large] == [3_000_000 + number for number in range(8)]


def test_fifty_pilots_leave_no_descriptor_and_no_thread_behind(session: pq.Session) -> None:
    def one_pilot(task: bool) -> None:
        pilot = session.add_pilot("local://?cores=1")
        if task:
            assert session.submit(abs, -1).result(LIMIT) == 1
        pilot.drain()
        assert pilot.wait("done", LIMIT) == "done"

    one_pilot(task=True)
    guard = guard_of()
    until(lambda: not guard.children())

    def count() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count(), guard.num_fds()

    before = min(count() for _ in range(20))  # the guard opens files while it looks after its children
    for number in range(50):
        one_pilot(task=number % 5 == 0)
    until(lambda: count() <= before and not guard.children(), f"as few as {before}")


def test_a_session_leaves_no_process_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    def one_session(number: int) -> None:
        with pq.Session(tmp_path / str(number)) as session:
            session.add_pilot("local://?cores=1")
            assert session.submit(abs, -1).result(LIMIT) == 1

    def count() -> tuple[int, int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), threading.active_count(), len(psutil.Process().children())

    one_session(0)
    before = count()
    for number in range(1, 4):
        one_session(number)
    assert count() <= before


# Bundles that were misjudged.


def test_a_bundle_that_turns_out_long_is_shared_with_an_idle_slot(session: pq.Session) -> None:
    def work(seconds: float) -> tuple[int, float]:
        time.sleep(seconds)
        return os.getpid(), time.monotonic()

    session.add_pilot("local://?cores=2")
    for _ in range(20):
        list(session.map(work, [0.0] * 50))
    results = list(session.map(work, [0.2] * 12))
    workers = Counter(pid for pid, _ in results)
    assert len(workers) == 2
    assert min(workers.values()) >= 3
