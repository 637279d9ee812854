"""The worker: runs what arrives, reports long tasks at once and short ones together, gives back what has not begun."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilot_quantum.resource.agent import wire
from pilot_quantum.resource.agent.runner import dump_error

Start = Callable[..., Any]


def _gate(path: Path) -> tuple[Callable[[Any], Any], Callable[[Any], None]]:
    """A task that waits until it is let through, and what lets it through."""
    os.mkfifo(path)

    def wait(value: Any) -> Any:
        with open(path) as gate:
            gate.read()
        return value

    def open_gate() -> None:
        with open(path, "w"):
            pass

    return wait, open_gate


def test_a_bundle_is_run_in_order_and_each_outcome_says_when(start: Start) -> None:
    worker = start()
    before = time.monotonic()
    worker.give(divmod, *[(number, 3) for number in range(50)])
    assert worker.results(50) == {number + 1: divmod(number, 3) for number in range(50)}
    outcomes = [row[0] for row in worker.rows]
    assert [outcome[:2] for outcome in outcomes] == [(number, 1) for number in range(1, 51)]
    times = [moment for outcome in outcomes for moment in outcome[2:4]]
    assert times == sorted(times)
    assert before < times[0]
    assert times[-1] < time.monotonic()


def test_short_tasks_are_reported_together(start: Start) -> None:
    worker = start()
    worker.give(abs, *[(number,) for number in range(200)])
    worker.results(200)
    assert len(worker.of(wire.Report)) < 50
    assert not worker.began


def test_a_long_task_is_announced_and_its_mates_are_reported_while_it_runs(
    start: Start, loop: Any, tmp_path: Path
) -> None:
    wait, let_through = _gate(tmp_path / "gate")
    worker = start()

    def mixed(number: int) -> int:
        return wait(number) if number == 3 else number

    worker.give(mixed, *[(number,) for number in (1, 2, 3, 4)])
    loop.until(lambda: (3, 1) in worker.began)
    assert [row[0][0] for row in worker.rows] == [1, 2]
    let_through()
    assert worker.results(4) == {1: 1, 2: 2, 3: 3, 4: 4}


def test_what_has_not_begun_is_given_back_while_a_long_task_runs(start: Start, loop: Any, tmp_path: Path) -> None:
    wait, let_through = _gate(tmp_path / "gate")
    worker = start()
    worker.give(wait, *[(number,) for number in (1, 2, 3, 4)])
    loop.until(lambda: worker.began)
    worker.send(wire.Withdraw([(1, 1), (3, 1), (4, 1), (4, 2), (99, 1)]))
    loop.until(lambda: worker.of(wire.Withdrawn))
    assert worker.of(wire.Withdrawn)[0].items == [(3, 1), (4, 1)]
    let_through()
    loop.until(lambda: worker.began[-1] == (2, 1))
    let_through()
    assert worker.results(2) == {1: 1, 2: 2}
    worker.give(abs, (-5,))  # it goes on
    loop.until(lambda: len(worker.rows) == 3)


def test_many_tasks_that_are_each_a_little_too_long_are_given_back_too(start: Start, loop: Any) -> None:
    """None is long enough to be announced; together they hold the worker up for seconds."""

    def busy(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    worker = start()
    worker.give(busy, *[(0.002,)] * 2000)
    loop.until(lambda: worker.rows)
    worker.send(wire.Withdraw([(number, 1) for number in range(1, 2001)]))
    loop.until(lambda: worker.of(wire.Withdrawn))
    assert len(worker.of(wire.Withdrawn)[0].items) > 500
    assert len(worker.rows) < 1500


def test_withdrawing_and_running_never_both_happen(start: Start, loop: Any) -> None:
    worker = start()
    for round_ in range(30):
        worker.messages.clear()
        worker.give(time.sleep, *[(0.001 * (round_ % 5),)] * 20)
        items = [(number, 1) for number in range(1, 21)]
        worker.send(wire.Withdraw(items[round_ % 7 :]))
        loop.until(lambda: worker.of(wire.Withdrawn))
        back = worker.of(wire.Withdrawn)[0].items
        loop.until(lambda back=back: len(worker.rows) + len(back) >= 20)
        assert sorted([row[0][:2] for row in worker.rows] + back) == items


def test_a_long_task_is_announced_however_long_the_worker_was_idle_before(start: Start, loop: Any) -> None:
    """The listener sleeps while the runner is idle; whatever moment it falls asleep at, it must wake up."""
    worker = start()
    for pause in (0.0, 0.03, 0.095, 0.1, 0.105, 0.11, 0.2):
        worker.messages.clear()
        worker.give(abs, (1,))
        loop.until(lambda: worker.rows)
        time.sleep(pause)
        worker.give(time.sleep, (0.05,), first=2)
        loop.until(lambda: len(worker.rows) == 2)
        assert worker.began[-1] == (2, 1)


def test_an_exception_arrives_with_type_words_and_traceback(start: Start) -> None:
    worker = start()
    worker.give(int, ("x",))
    kind, words = worker.results(1)[1]
    assert kind == "builtins.ValueError"
    assert "invalid literal" in words


def test_what_user_code_raises_ends_the_task_and_not_the_worker(start: Start) -> None:
    def raise_(what: str) -> None:
        class Rude(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        class Bare(BaseException):
            pass

        class Unpicklable(Exception):
            def __init__(self, a: int, b: int) -> None:
                super().__init__("only one")

        error: BaseException
        if what == "exit":
            raise SystemExit(3)
        if what == "interrupt":
            raise KeyboardInterrupt
        error = {"rude": Rude(), "bare": Bare("bare"), "unpicklable": Unpicklable(1, 2)}[what]
        raise error

    worker = start()
    calls = ["exit", "interrupt", "rude", "bare", "unpicklable"]
    worker.give(raise_, *[(what,) for what in calls])
    results = worker.results(5)
    assert [str(results[number][0]).rpartition(".")[2] for number in range(1, 6)] == [
        "SystemExit",
        "KeyboardInterrupt",
        "Rude",
        "Bare",
        "Unpicklable",
    ]
    assert worker.exits == []


def test_a_result_that_cannot_travel_is_an_error_that_says_so(start: Start) -> None:
    worker = start()
    worker.give(threading.Lock, ())
    kind, words = worker.results(1)[1]
    assert kind.endswith("NotPicklableError")
    assert "a _thread.lock" in words
    assert "Return plain data" in words


def test_a_function_that_cannot_be_loaded_fails_its_tasks_only(start: Start, loop: Any) -> None:
    worker = start()
    worker.send(
        wire.Function("broken", b"\x80\x05cno_such_module\nfn\n."),
        wire.Tasks("broken", 1, "", [(7, 1, b"", ())]),
        wire.Tasks("never sent", 1, "", [(8, 1, b"", ())]),
    )
    loop.until(lambda: len(worker.rows) == 2)
    worker.give(abs, (-5,))
    results = worker.results(3)
    assert results[1] == 5
    assert "no_such_module" in str(results[7])


@pytest.mark.parametrize("leave", ["return", "exit", "raise"])
def test_a_child_that_comes_back_from_its_task_ends_there(start: Start, loop: Any, leave: str) -> None:
    def fork(how: str) -> int:
        pid = os.fork()
        if pid == 0:
            if how == "exit":
                raise SystemExit(0)
            if how == "raise":
                raise ValueError("in the child")
            return -1
        os.waitpid(pid, 0)
        return pid

    worker = start()
    worker.give(fork, (leave,), (leave,))
    results = worker.results(2)
    assert sorted(results) == [1, 2]
    assert all(isinstance(pid, int) and pid > 0 and not psutil.pid_exists(pid) for pid in results.values())
    worker.give(abs, (-5,))
    loop.until(lambda: len(worker.rows) == 3)
    assert [row[0][0] for row in worker.rows] == [1, 2, 1]


def test_what_an_attempt_printed_lies_in_its_own_range(start: Start, loop: Any) -> None:
    def speak(number: int) -> None:
        import subprocess
        import sys

        print(f"print {number}")
        print(f"error {number}", file=sys.stderr)
        os.write(1, f"descriptor {number}\n".encode())
        subprocess.run(["echo", f"child {number}"], check=True)
        sys.stdout.write(f"no end of line {number}")

    worker = start()
    worker.give(speak, *[(number,) for number in range(3)])
    worker.results(3)
    for number, (_, _, output) in enumerate(worker.rows):
        assert output is not None
        begin, end, begin_err, end_err = output
        text = worker.stdout.read_bytes()[begin:end].decode()
        assert text == f"print {number}\ndescriptor {number}\nchild {number}\nno end of line {number}"
        assert worker.stderr.read_bytes()[begin_err:end_err].decode() == f"error {number}\n"


def test_a_silent_attempt_has_no_output_and_a_silent_second_one_an_empty_one(start: Start, loop: Any) -> None:
    worker = start()
    worker.give(abs, (1,))
    worker.results(1)
    assert worker.rows[0][2] is None
    worker.send(wire.Tasks(str(id(abs)), 1, "", [(1, 2, worker_payload(1), ())]))
    loop.until(lambda: len(worker.rows) == 2)
    assert worker.rows[1][2] == (0, 0, 0, 0)


def worker_payload(*args: object) -> bytes:
    from pilot_quantum.resource import payload

    return payload.dump((args, {}))


def test_a_task_may_redirect_or_close_its_streams(start: Start) -> None:
    def redirect(path: str) -> None:
        import sys

        target = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(target, 1)
        print("x" * 1000, flush=True)
        sys.stderr.close()

    def speak() -> None:
        os.write(2, b"still here")

    worker = start()
    worker.give(redirect, (str(worker.stdout) + ".elsewhere",))
    worker.results(1)
    worker.give(speak, ())
    worker._loop.until(lambda: len(worker.rows) == 2)
    assert worker.rows[0][2] is None
    begin, end = worker.rows[1][2][2:]
    assert worker.stderr.read_bytes()[begin:end] == b"still here"


def test_a_worker_ends_when_its_link_closes_even_while_user_code_runs(start: Start, loop: Any, tmp_path: Path) -> None:
    idle, busy = start(), start()
    busy.give(time.sleep, (600,))
    assert idle.pid
    loop.until(lambda: busy.began)
    for worker in (idle, busy):
        loop.unwatch(worker.link.fileno())
        worker.link.shutdown(2)
    loop.until(lambda: idle.exits and busy.exits)
    assert {*idle.exits, *busy.exits} == {"exited with code 0"}


def test_large_things_travel_both_ways_while_more_waits(start: Start, loop: Any) -> None:
    worker = start()
    data = os.urandom(20_000_000)
    worker.link.settimeout(60)
    sender = threading.Thread(target=lambda: worker.give(bytes.upper, (data,), (data[:10],), (data,)))
    sender.start()
    results = worker.results(3)
    sender.join()
    assert results == {1: data.upper(), 2: data[:10].upper(), 3: data.upper()}


def test_a_task_that_closes_every_descriptor_takes_its_worker_down_and_nobody_waits(start: Start, loop: Any) -> None:
    worker = start()
    worker.give(os.closerange, (3, 4096))
    loop.until(lambda: worker.exits)


def test_signals_of_the_terminal_do_not_reach_a_worker(start: Start, loop: Any) -> None:
    worker = start()
    assert os.getpgid(worker.pid) != os.getpgid(0)
    worker.give(time.sleep, (600,))
    loop.until(lambda: worker.began)
    os.kill(worker.pid, signal.SIGINT)  # sent to it alone, it interrupts the task, as it would any program
    assert worker.results(1)[1][0] == "builtins.KeyboardInterrupt"


def test_workers_draw_different_random_numbers(start: Start) -> None:
    def draw() -> tuple[float, float]:
        import random

        import numpy as np

        return random.random(), float(np.random.random())

    workers = [start() for _ in range(3)]
    for worker in workers:
        worker.give(draw, ())
    drawn = [number for worker in workers for number in worker.results(1)[1]]
    assert len(set(drawn)) == 6


class Leaving(Exception):
    """Exits when it is rebuilt, and when it is asked for its words."""

    def __reduce__(self) -> Any:
        return sys.exit, (1,)

    def __str__(self) -> str:
        raise SystemExit(1)


def test_an_exception_that_exits_when_it_is_rebuilt_travels_as_text() -> None:
    blob, kind, message, _ = pickle.loads(dump_error(Leaving()))
    assert blob is None
    assert kind.endswith("Leaving")
    assert "__str__ raises" in message
