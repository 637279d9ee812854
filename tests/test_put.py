"""Large values: stored once, sent once to each pilot, shared by the tasks of a host, gone when nobody needs them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import pilot_quantum as pq
from pilot_quantum.resource.agent import blobs, wire
from pilot_quantum.resource.channel.channel import Channel

LIMIT = 120
"""Seconds after which a test that hangs fails; nothing is measured with it."""
BIG = np.arange(4 << 20, dtype=np.float64)  # 32 MiB
TOTAL = float(BIG.sum())


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Callable[..., pq.Session]]:
    """Makes sessions, and ends them with all their tasks."""
    made: list[pq.Session] = []

    def make(*pilots: str) -> pq.Session:
        session = pq.Session(tmp_path / f"session-{len(made)}")
        made.append(session)
        for pilot in pilots:
            session.add_pilot(pilot)
        return session

    yield make
    for session in made:
        session.close(cancel=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each message that goes to a worker of this host, or over a channel."""
    sizes: list[int] = []
    frame, send = wire.frame, Channel.send

    def framed(message):
        data = frame(message)
        sizes.append(len(data))
        return data

    def counted(channel, data):
        sizes.append(len(data))
        send(channel, data)

    monkeypatch.setattr(wire, "frame", framed)
    monkeypatch.setattr(Channel, "send", counted)
    return sizes


def test_a_handle_stands_for_its_value_wherever_arguments_are(new):
    session = new("local://?cores=2")
    big, small = session.put(BIG), session.put({"a": [1, 2]})

    def look(*args, **kwargs):
        return args, kwargs

    (one, two), named = session.submit(look, [small, 3], {"x": small}, key=(small, small)).result(LIMIT)
    assert (one, two, named) == ([{"a": [1, 2]}, 3], {"x": {"a": [1, 2]}}, {"key": ({"a": [1, 2]},) * 2})
    assert session.submit(lambda a, b: a is b, big, big).result(LIMIT)
    assert list(session.map(lambda values, n: float(values[n]), [big] * 3, range(3))) == [0.0, 1.0, 2.0]
    with session.executor() as pool:
        assert pool.submit(lambda d: float(d["v"].sum()), {"v": big}).result(LIMIT) == TOTAL
    after = session.submit(lambda n: 2.0 * n, 21)
    assert session.submit(lambda n, values: float(values[int(n)]), after, big).result(LIMIT) == 42.0
    np.testing.assert_array_equal(big.get(), BIG)
    assert repr(big) == "<Stored ndarray, 32 MiB>"


def test_it_is_pickled_once_as_it_is_now(new):
    times = []

    class Counted:
        def __reduce__(self):
            times.append(1)
            return list, ((7,) * 50_000,)

    session = new("local://?cores=2")
    stored = session.put(Counted())
    pickled = len(times)
    assert list(session.map(lambda one: sum(one), [stored] * 50)) == [350_000] * 50
    assert len(times) == pickled
    values = np.zeros(1 << 17)
    kept = session.put(values)
    values += 1
    assert session.submit(lambda one: float(one.sum()), kept).result(LIMIT) == 0


def test_many_tasks_cost_neither_messages_nor_memory_of_that_size(new, sent):
    session = new("local://?cores=2")
    stored = session.put(BIG)

    def use(values):
        total = float(values.sum())
        words = Path("/proc/self/status").read_text().split()
        return total, int(words[words.index("RssAnon:") + 1]) * 1024

    used = list(session.map(use, [stored] * 200))
    assert {total for total, _ in used} == {TOTAL}
    assert max(own for _, own in used) < min(own for _, own in used) + BIG.nbytes // 4
    assert sum(sent) < BIG.nbytes // 16


@pytest.mark.parametrize("when", ["while it is awaited", "when it is there"])
def test_a_future_with_a_large_value_is_packed_once_for_many_tasks(new, sent, when):
    session = new("local://?cores=2")
    future = session.submit(lambda: np.ones(1 << 20))
    if when == "when it is there":
        future.result(LIMIT)

    def change(values):
        values += 1  # its own
        return float(values[0])

    assert list(session.map(change, [future] * 40)) == [2.0] * 40
    assert future.result()[0] == 1
    assert sum(sent) < 4 << 20


def test_no_task_can_change_what_others_see(new):
    session = new("local://?cores=1")
    stored, listed = session.put(BIG), session.put([1, 2])

    def spoil(values):
        values[0] = 7

    with pytest.raises(ValueError, match="read-only"):
        session.submit(spoil, stored).result(LIMIT)
    assert session.submit(lambda values: values.append(3) or values, listed).result(LIMIT) == [1, 2, 3]
    assert session.submit(lambda values: values, listed).result(LIMIT) == [1, 2]
    assert session.submit(lambda values: float(values[0]), stored).result(LIMIT) == 0


def test_it_survives_the_workers_that_use_it(new, tmp_path):
    session = new("local://?cores=2")
    stored = session.put(BIG)

    def once(values, path):
        if not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return float(values.sum())

    futures = [session.submit(once, stored, str(tmp_path / f"{n}")) for n in range(4)]
    assert [future.result(LIMIT) for future in futures] == [TOTAL] * 4


def test_it_goes_with_the_handle_and_the_last_task_that_needs_it(new):
    session = new()
    stored = session.put(BIG)
    future = session.submit(lambda values: float(values.sum()), stored)
    del stored
    gc.collect()
    assert session._store.in_memory >= BIG.nbytes
    session.add_pilot("local://?cores=1")
    assert future.result(LIMIT) == TOTAL
    deadline = time.monotonic() + LIMIT
    while session._store.in_memory:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_goes_with_its_session(new):
    session = new("local://?cores=1")
    stored = session.put(BIG)
    session.close()
    assert session._store.in_memory == 0
    with pytest.raises(pq.SessionClosedError, match="went with its session"):
        stored.get()
    with pytest.raises(pq.SessionClosedError):
        session.put(BIG)


def test_a_session_that_is_killed_leaves_none_of_it(tmp_path):
    directory = tmp_path / "session"
    program = f"""
import sys, time
import numpy as np
import pilot_quantum as pq
session = pq.Session({str(directory)!r})
session._store._limit = 40 << 20
kept = [session.put(np.full(4 << 20, n)) for n in range(2)]
session.add_pilot("local://?cores=1")
print(sum(session.map(lambda values: float(values[0]), kept)), [c.content.value.in_memory for c in kept], flush=True)
time.sleep({LIMIT})
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1.0 [True, False]\n"
        process.kill()
    assert sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) < 16 << 20


def test_what_cannot_be_stored_or_captured_is_named(new):
    session = new("local://?cores=1")
    with pytest.raises(pq.NotPicklableError, match="a generator cannot be stored"):
        session.put(one for one in ())
    stored = session.put(1)
    with pytest.raises(pq.NotPicklableError, match="must not capture"):
        session.submit(lambda: stored)


@pytest.mark.requires("dask")
def test_it_travels_once_to_a_pilot_with_an_agent_also_after_it_was_evicted_there(new, sent, monkeypatch):
    monkeypatch.setattr(blobs, "LIMIT", BIG.nbytes)
    monkeypatch.setattr(blobs.Sent.__init__, "__defaults__", (BIG.nbytes,))
    session = new("local://?cores=2&engine=dask")
    stored, other = session.put(BIG), session.put(BIG + 1)
    assert list(session.map(lambda values: float(values.sum()), [stored] * 50)) == [TOTAL] * 50
    assert BIG.nbytes < sum(sent) < 1.5 * BIG.nbytes
    assert session.submit(lambda values: float(values[0]), other).result(LIMIT) == 1  # puts the first out
    assert session.submit(lambda values: float(values[0]), stored).result(LIMIT) == 0
    assert 3 * BIG.nbytes < sum(sent) < 3.5 * BIG.nbytes


@pytest.mark.requires("mpi4py")
def test_ranks_of_an_mpi_program_have_it(new):
    session = new("local://?cores=2")
    stored = session.put(BIG)
    future = session.submit_mpi(lambda values, n: float(values[n]), stored, 7, ranks=2)
    assert future.result(LIMIT) == 7.0


@pytest.mark.requires("hosts")
@pytest.mark.parametrize("engine", ["processes", "dask", "ray"])
def test_it_travels_once_to_the_hosts_of_a_pilot(new, sent, hosts, engine, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_SSH", f"ssh -F {hosts.ssh_config}")
    session = new(f"ssh://h1,h2?cores=1&engine={engine}")
    stored, used, deadline = session.put(BIG), [], time.monotonic() + LIMIT

    def use(values):
        time.sleep(0.02)  # so that both take their share
        return float(values.sum()), os.uname().nodename

    while {host for _, host in used} != {"h1", "h2"}:  # one may join later than the other
        assert time.monotonic() < deadline
        used += session.map(use, [stored] * 20)
    assert {total for total, _ in used} == {TOTAL}
    assert BIG.nbytes < sum(sent) < 1.5 * BIG.nbytes
