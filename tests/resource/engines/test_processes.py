"""The engine `processes`, driven by hand over a real guard and real workers."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.resource import payload
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.engines.processes import ProcessesEngine


class Rig:
    """An engine with two workers and the words to drive it."""

    def __init__(self, loop: Any, guard: GuardClient, folder: Path) -> None:
        self.loop = loop
        self.guard = guard
        self.engine = ProcessesEngine("p", 2, ("7", "GPU-8"), guard, loop, folder)

    def up(self, count: int = 2) -> list[str]:
        self.loop.until(lambda: len(self.ups()) >= count, "WorkerUp")
        return [event.worker for event in self.ups()]

    def ups(self) -> list[WorkerUp]:
        return self.loop.of(WorkerUp)

    def ship(
        self,
        worker: str,
        fn: Callable[..., object],
        *calls: tuple[object, ...],
        first: int = 1,
        attempt: int = 1,
        gpus: tuple[int, ...] = (),
    ) -> None:
        digest = f"fn-{id(fn)}"
        self.loop.functions[digest] = payload.dump_code(fn)
        parcels = [(number, attempt, payload.dump((args, {})), ()) for number, args in enumerate(calls, first)]
        self.engine.ship(Shipment(worker, digest, 1, gpus, parcels))

    def values(self, count: int) -> dict[tuple[int, int], Any]:
        self.loop.until(lambda: len(self.outcomes()) >= count, f"{count} outcomes")
        return {row[0][:2]: pickle.loads(row[1]) for row, _, _ in self.loop.leftovers if row[0][4]}

    def outcomes(self) -> list[tuple[int, int]]:
        return [item[:2] for event in self.loop.of(Outcomes) for item in event.items]

    def lost(self) -> list[WorkerLost]:
        return self.loop.of(WorkerLost)

    def text(self, task: int, attempt: int = 1) -> list[str]:
        """What the attempt printed, once for each time that it was delivered."""
        found = []
        for (outcome, _, output), stdout, _ in self.loop.leftovers:
            if outcome[:2] == (task, attempt) and output is not None:
                found.append(stdout.read_bytes()[output[0] : output[1]].decode())
        return found


@pytest.fixture
def rig(loop: Any, guard: GuardClient, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(loop, guard, tmp_path)
    yield rig
    rig.engine.stop("test over")


def test_each_worker_is_announced_with_its_process_and_runs_what_is_shipped(rig: Rig) -> None:
    rig.engine.start()
    one, two = rig.up()
    assert {one, two} == {"p/0", "p/1"}
    rig.ship(one, os.getpid, (), ())
    rig.ship(two, os.getpid, (), first=3)
    values = rig.values(3)
    pids = {event.worker: event.pid for event in rig.ups()}
    assert values == {(1, 1): pids[one], (2, 1): pids[one], (3, 1): pids[two]}


def test_results_are_delivered_before_the_outcomes_that_speak_of_them(rig: Rig) -> None:
    seen = []
    deliver, emit = rig.loop.deliver, rig.loop.emit
    rig.loop.deliver = lambda *args: (seen.append("result"), deliver(*args))
    rig.loop.emit = lambda event: (seen.append(type(event).__name__), emit(event))
    rig.engine.start()
    rig.ship(rig.up()[0], abs, (-1,))
    rig.values(1)
    assert seen[-2:] == ["result", "Outcomes"]


def test_a_function_is_sent_to_a_process_once(rig: Rig) -> None:
    asked: Counter[str] = Counter()
    function = rig.loop.function
    rig.loop.function = lambda digest: (asked.update([digest]), function(digest))[1]
    rig.engine.start()
    worker = rig.up()[0]
    for first in (1, 2, 3):
        rig.ship(worker, abs, (-first,), first=first)
    rig.values(3)
    assert list(asked.values()) == [1]
    rig.engine.kill(worker, "on purpose")
    rig.up(3)
    rig.ship(worker, abs, (-4,), first=4)
    assert rig.values(4)[4, 1] == 4
    assert list(asked.values()) == [2]


def test_what_has_not_begun_comes_back(rig: Rig) -> None:
    rig.engine.start()
    worker = rig.up()[0]
    rig.ship(worker, time.sleep, (600,), (600,), (600,))
    rig.loop.until(lambda: rig.loop.of(Began))
    rig.engine.revoke(worker, [(1, 1), (2, 1), (3, 1)])
    rig.engine.revoke("p/99", [(2, 1)])
    rig.loop.until(lambda: rig.loop.of(Revoked))
    assert rig.loop.of(Revoked) == [Revoked("p", worker, [(2, 1), (3, 1)])]


def _speak_and_wait(word: str) -> Callable[[], None]:
    def speak() -> None:
        print(word)
        time.sleep(600)

    return speak


def test_a_killed_worker_is_replaced_and_what_it_printed_is_kept(rig: Rig) -> None:
    rig.engine.start()
    worker = rig.up()[0]
    rig.ship(worker, print, ("before",))
    rig.values(1)
    rig.ship(worker, _speak_and_wait("in the middle"), (), (), first=2)
    rig.loop.until(lambda: rig.loop.of(Began))
    out = rig.loop.leftovers[0][1]
    rig.loop.until(lambda: b"middle" in out.read_bytes())
    rig.engine.kill(worker, "it was told to")
    assert rig.text(2) == ["in the middle\n"]  # there already: the task may be resolved before the process is gone
    rig.up(3)
    assert rig.lost() == [WorkerLost("p", worker, "it was told to")]
    rig.ship(worker, print, ("after",), first=2, attempt=2)
    rig.loop.until(lambda: (2, 2) in rig.outcomes())
    assert (rig.text(1), rig.text(2), rig.text(2, 2)) == (["before\n"], ["in the middle\n"], ["after\n"])


def test_the_last_words_of_a_worker_that_died_are_kept(rig: Rig) -> None:
    def die(how: int) -> None:
        print("last words", how)
        os.kill(os.getpid(), how)

    rig.engine.start()
    worker = rig.up()[0]
    for attempt in (1, 2):
        rig.ship(worker, die, (9,), attempt=attempt)
        rig.up(2 + attempt)
    assert [event.cause for event in rig.lost()] == ["killed by SIGKILL"] * 2
    assert (rig.text(1, 1), rig.text(1, 2)) == (["last words 9\n"], ["last words 9\n"])
    assert rig.outcomes() == []


def test_what_a_bundle_had_done_before_its_worker_died_is_kept(rig: Rig) -> None:
    def die_at(number: int, fatal: int) -> int:
        if number == fatal:
            os._exit(1)
        time.sleep(0.003)  # long enough to be reported at once
        return number

    rig.engine.start()
    worker = rig.up()[0]
    rig.ship(worker, die_at, *[(number, 4) for number in range(1, 7)])
    rig.up(3)
    assert rig.values(3) == {(1, 1): 1, (2, 1): 2, (3, 1): 3}
    assert [type(event) for event in rig.loop.events if isinstance(event, Outcomes | WorkerLost)][-1] is WorkerLost


def test_the_gpus_of_the_slot_are_the_only_ones_that_a_process_ever_sees(rig: Rig) -> None:
    def look() -> tuple[int, str, str]:
        return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], os.environ["PILOT_QUANTUM_CORES"]

    rig.engine.start()
    worker = rig.up()[0]
    slots = [(), (), (0,), (0,), (1,), (0, 1), ()]
    for number, gpus in enumerate(slots, 1):
        rig.ship(worker, look, (), first=number, gpus=gpus)
        rig.values(number)
    values = rig.values(len(slots))
    assert [values[number, 1][1] for number in range(1, 8)] == ["", "", "7", "7", "GPU-8", "7,GPU-8", ""]
    assert {value[2] for value in values.values()} == {"1"}
    seen: dict[int, set[str]] = {}
    for pid, gpus, _ in values.values():
        seen.setdefault(pid, set()).add(gpus)
    assert all(len(gpus) == 1 for gpus in seen.values())
    assert len(seen) == 5


def test_a_process_that_is_replaced_for_its_gpus_and_dies_at_once_loses_nothing_silently(rig: Rig) -> None:
    rig.engine.start()
    worker = rig.up()[0]
    rig.ship(worker, abs, (-1,))
    rig.values(1)
    rig.ship(worker, abs, (-2,), first=2, gpus=(0,))  # to a process that is not there yet
    rig.engine.kill(worker, "before it was ready")
    rig.loop.until(rig.lost)
    assert rig.lost()[0].worker == worker
    rig.loop.until(lambda: rig.ups()[-1].worker == worker and len(rig.ups()) >= 3)
    rig.ship(worker, abs, (-2,), first=2, attempt=2, gpus=(0,))
    rig.loop.until(lambda: (2, 2) in rig.outcomes())


def test_workers_that_cannot_start_end_the_engine_with_the_reason(
    loop: Any, guard: GuardClient, tmp_path: Path
) -> None:
    rig = Rig(loop, guard, tmp_path / "missing")
    rig.engine.start()
    loop.until(lambda: loop.of(EngineEnded))
    ended = loop.of(EngineEnded)[0]
    assert ended.failed
    assert "cannot start" in ended.cause
    assert "No such file or directory" in ended.cause
    assert str(tmp_path / "missing") in ended.cause


def test_without_descriptors_the_engine_ends_with_the_reason(rig: Rig) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = {int(fd) for fd in os.listdir("/proc/self/fd")}
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), limits[1]))
    try:
        rig.engine.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert rig.loop.events[1:] == [
        EngineEnded("p", "worker p/0 cannot be started: [Errno 24] Too many open files", True)
    ]


def test_a_worker_whose_link_a_task_has_written_to_is_ended(rig: Rig) -> None:
    def scribble() -> None:
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # the one of this listing
                if os.readlink(f"/proc/self/fd/{name}").startswith("socket"):
                    os.write(int(name), b"what is this? " * 10)
        time.sleep(600)

    rig.engine.start()
    worker, other = rig.up()
    rig.ship(worker, scribble, ())
    rig.loop.until(rig.lost)
    assert "no message" in rig.lost()[0].cause
    rig.up(3)
    rig.ship(worker, abs, (-1,), first=2)
    rig.ship(other, abs, (-1,), first=3)
    assert rig.values(2) == {(2, 1): 1, (3, 1): 1}


def test_shipping_never_waits_for_a_worker_that_does_not_read(rig: Rig) -> None:
    rig.engine.start()
    worker = rig.up()[0]
    data = os.urandom(10_000_000)

    def hold() -> int:
        return sum(len(str(7 ** (40 * n))) for n in range(900))  # holds the interpreter's lock: nothing is read

    rig.ship(worker, hold, ())
    for number in range(2, 7):
        rig.ship(worker, bytes.swapcase, (data,), first=number)
    values = rig.values(6)
    assert all(values[number, 1] == data.swapcase() for number in range(2, 7))


def test_stopping_delivers_what_has_ended_and_forgets_every_descriptor(rig: Rig) -> None:
    rig.engine.start()
    one, two = rig.up()
    rig.ship(two, _speak_and_wait("cut off"), (), first=2)
    rig.loop.until(lambda: rig.loop.of(Began) and b"cut off" in _all_output(rig))
    rig.ship(one, abs, (-1,))
    select.select([rig.engine._links[one].socket], [], [], 30)  # it has reported, and nobody has read it yet
    rig.engine.stop("enough")
    assert (1, 1) in rig.outcomes()
    assert rig.text(2) == ["cut off\n"]
    assert rig.loop.events[-1] == EngineEnded("p", "enough", False)
    assert rig.loop.watched == 1  # the guard
    count = len(rig.loop.events)
    rig.engine.stop("again")
    rig.engine.kill(one, "too late")
    rig.engine.revoke(one, [(1, 1)])
    rig.ship(one, abs, (1,))
    assert len(rig.loop.events) == count


def _all_output(rig: Rig) -> bytes:
    return b"".join(path.read_bytes() for path in rig.engine._output.glob("*.out"))


def test_when_the_guard_dies_every_engine_ends_with_that_cause(rig: Rig, tmp_path: Path) -> None:
    other = Rig(rig.loop, rig.guard, tmp_path)
    other.engine._pilot = "q"
    rig.engine.start()
    other.engine.start()
    rig.up(4)
    os.kill(rig.guard._process.pid, signal.SIGKILL)
    rig.loop.until(lambda: len(rig.loop.of(EngineEnded)) == 2)
    assert {event.pilot for event in rig.loop.of(EngineEnded)} == {"p", "q"}
    assert all(event.failed and "guard process" in event.cause for event in rig.loop.of(EngineEnded))
    assert rig.loop.watched == 0
