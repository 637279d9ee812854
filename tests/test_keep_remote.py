"""Results that stay on their pilot: used there, fetched when asked for, moved when it ends in order, lost with it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed, wait
from pathlib import Path

import numpy as np
import psutil
import pytest

import pilot_quantum as pq
from pilot_quantum.errors import DependencyError, InvalidDescriptionError, ResultLostError
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.resource.engines.agent import AgentEngine

LIMIT = 120
"""Seconds after which a test that hangs fails; nothing is measured with it."""
COUNT = 6_250_000
SIZE = 8 * COUNT
TOTAL = COUNT * (COUNT - 1) / 2


def make(step: int = 1) -> np.ndarray:
    return step * np.arange(COUNT, dtype=np.float64)


def total(values: np.ndarray) -> float:
    return float(values.sum())


def total_of(parts: dict[str, list[np.ndarray]]) -> float:
    return sum(total(part) for part in parts["parts"])


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Callable[..., pq.Session]]:
    """Makes sessions, and ends them with all their tasks."""
    made: list[pq.Session] = []

    def make_one(*pilots: str) -> pq.Session:
        session = pq.Session(tmp_path / f"session-{len(made)}")
        made.append(session)
        for pilot in pilots:
            session.add_pilot(pilot)
        return session

    yield make_one
    for session in made:
        session.close(cancel=True)


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each message that comes to the session from an agent."""
    sizes: list[int] = []
    receive = AgentEngine._receive

    def counted(engine: AgentEngine, data: bytes) -> None:
        sizes.append(len(data))
        receive(engine, data)

    monkeypatch.setattr(AgentEngine, "_receive", counted)
    return sizes


def done(*futures: pq.TaskFuture) -> None:
    """Wait for tasks, not for their results."""
    assert not wait(futures, LIMIT).not_done
    assert [future.exception(0) for future in futures] == [None] * len(futures)


def agent_of(session: pq.Session) -> psutil.Process:
    """The agent on this machine, a child of ours."""
    mine = str(session.directory)
    children = psutil.Process().children()
    (agent,) = (one for one in children if any(mine in file for file in _files(one)) and _is_agent(one))
    return agent


def _is_agent(process: psutil.Process) -> bool:
    return any("resource.agent.__main__" in word for word in process.cmdline())


def _files(process: psutil.Process) -> list[str]:
    return [os.readlink(path) for path in Path(f"/proc/{process.pid}/fd").iterdir() if path.is_symlink()]


def held(agent: psutil.Process) -> int:
    """Values that an agent has in its memory."""
    return sum("memfd:pilot-quantum" in file for file in _files(agent))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def decisions(session: pq.Session) -> list[str]:
    """What the journal of a closed session says about kept results."""
    with JournalReader(session.directory) as journal:
        return [f"{one.subject}: {one.decision}" for one in journal.decisions if "result" in one.decision]


@pytest.mark.requires("hosts")
@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_it_stays_is_used_there_and_comes_once_when_it_is_asked_for(new, came, hosts, engine, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_SSH", f"ssh -F {hosts.ssh_config}")
    session = new(f"ssh://h1,h2?cores=1&name=far&engine={engine}")
    keep = session.with_options(keep_remote=True)
    first, second = keep.submit_many(make, [1, 1])
    done(first, second)
    place = "47.7 MiB on pilot 'far' (allocation far.1)"
    assert session.explain(first) == f"task 1 (make) has ended: its result, {place}, stays there."
    assert session.submit(total_of, {"parts": [first, second]}).result(LIMIT) == 2 * TOTAL
    assert list(session.map(total, [first] * 6)) == [TOTAL] * 6
    doubled = keep.submit(lambda values: 2 * values, first)
    assert session.submit(total, doubled).result(LIMIT) == 2 * TOTAL
    assert sum(came) < 1 << 20
    np.testing.assert_array_equal(first.result(LIMIT), make())
    assert first.result() is first.result()
    assert SIZE < sum(came) < 1.1 * SIZE
    assert session.submit(total, first).result(LIMIT) == TOTAL  # from here now


@pytest.mark.requires("hosts", "dask")
def test_tasks_of_other_pilots_get_it_and_a_pilot_that_drains_gives_it_to_the_session(new, came, hosts, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_SSH", f"ssh -F {hosts.ssh_config}")
    session = new("ssh://h1?cores=1&name=far&capabilities=there")
    keep = session.with_options(keep_remote=True, needs=pq.Needs(capabilities=["there"]))
    moved, used, lasting = keep.submit_many(make, [1] * 3)
    done(moved, used, lasting)
    session.add_pilot("local://?cores=1&engine=dask&name=near&capabilities=here")
    here = session.with_options(needs=pq.Needs(capabilities=["here"]))
    assert list(here.map(total, [used] * 3)) == [TOTAL] * 3
    assert SIZE < sum(came) < 1.1 * SIZE
    session.pilots[0].drain()
    session.pilots[0].wait("done", LIMIT)
    assert sum(came) < 3.1 * SIZE
    assert total(moved.result(0)) == TOTAL
    assert here.submit(total, lasting).result(LIMIT) == TOTAL
    late = here.with_options(keep_remote=True).submit(make)
    session.close()
    assert total(late.result(0)) == total(lasting.result(0)) == TOTAL
    told = decisions(session)
    assert [words for words in told if "kept" in words] == [f"task {n}: result kept" for n in (1, 2, 3, late.id)]
    assert sorted(words for words in told if "fetched" in words) == sorted(
        f"task {n}: result fetched" for n in (1, 2, 3, late.id)
    )


@pytest.mark.requires("dask")
def test_a_lost_agent_loses_what_nobody_had_asked_for_and_nobody_waits_for_it(new):
    session = new("local://?cores=1&engine=dask&name=far")
    keep = session.with_options(keep_remote=True)
    fetched, lost = keep.submit(make), keep.with_options(name="lost one").submit(make)
    small = keep.submit(lambda: [1, 2, 3])
    done(fetched, lost, small)
    assert total(fetched.result(LIMIT)) == TOTAL
    behind = session.submit(time.sleep, LIMIT)
    until(behind.running)
    needy = session.submit(total, lost, priority=-1)
    agent_of(session).kill()
    with pytest.raises(ResultLostError, match=r"lost one.*'far' \(allocation far.1\).*killed by signal 9"):
        lost.result(LIMIT)
    assert isinstance(lost.exception(0), ResultLostError)
    assert lost.done()
    with pytest.raises(DependencyError, match="ResultLostError") as failure:
        needy.result(LIMIT)
    assert isinstance(failure.value.__cause__, ResultLostError)
    with pytest.raises(DependencyError) as failure:
        session.submit(total, lost).result(LIMIT)
    assert isinstance(failure.value.__cause__, ResultLostError)
    assert total(fetched.result(0)) == TOTAL
    assert small.result(0) == [1, 2, 3]


@pytest.mark.requires("dask")
def test_a_future_is_done_before_its_result_is_here_and_waiting_for_that_has_bounds(new):
    session = new("local://?cores=1&engine=dask&name=far")
    keep = session.with_options(keep_remote=True)
    future = keep.submit(make)
    called = []
    future.add_done_callback(lambda one: called.append(one.kept is not None))
    assert list(as_completed([future], LIMIT)) == [future]
    until(lambda: called)
    assert called == [True]
    assert not future.cancel()
    agent = agent_of(session)
    agent.suspend()
    try:
        with pytest.raises(TimeoutError, match="is on its way here"):
            future.result(0.05)
        with pytest.raises(TimeoutError):
            asyncio.run(asyncio.wait_for(_awaited(future), 0.05))
        assert future.exception(0) is None
    finally:
        agent.resume()
    assert total(asyncio.run(_awaited(future))) == TOTAL
    other = keep.submit(make)
    assert total(asyncio.run(_awaited(other))) == TOTAL  # awaited before it is done
    assert [total(values) for values in keep.map(make, [1, 1])] == [TOTAL] * 2
    with pytest.raises(ZeroDivisionError):
        asyncio.run(_awaited(keep.submit(lambda: 1 / 0)))


async def _awaited(future):
    return await future


@pytest.mark.requires("dask")
def test_the_agent_lets_it_go_with_the_future_and_the_last_task_that_needs_it(new, came):
    session = new("local://?cores=1&engine=dask&name=far")
    keep = session.with_options(keep_remote=True)
    future, asked = keep.submit(make), keep.submit(make, 2)
    done(future, asked)
    agent = agent_of(session)
    assert held(agent) == 2
    asked.result(LIMIT)
    until(lambda: held(agent) == 1)
    need = session.submit(lambda values: time.sleep(0.2) or total(values), future)
    del future
    assert need.result(LIMIT) == TOTAL
    until(lambda: held(agent) == 0)
    assert sum(came) < 1.1 * SIZE
    ignored = keep.submit(make)
    done(ignored)
    session.cancel(ignored)
    session.close(cancel=True)
    with pytest.raises(ResultLostError, match="closed with its tasks cancelled"):
        ignored.result(LIMIT)


def test_workers_of_this_machine_need_no_option_and_what_cannot_be_meant_is_refused(new):
    session = new("local://?cores=1")
    future = session.submit(make, keep_remote=True)
    done(future)
    assert future.kept is None
    assert total(future.result(0)) == TOTAL
    with pytest.raises(InvalidDescriptionError, match="keep_remote=1 must be True or False"):
        session.submit(make, keep_remote=1)


@pytest.mark.requires("dask")
def test_a_result_that_is_kept_for_one_session_is_a_value_for_tasks_of_another(
    new: Callable[..., pq.Session],
) -> None:
    one, other = new("local://?cores=1&engine=dask"), new("local://?cores=1")
    kept = one.submit(make, keep_remote=True)
    assert other.submit(total, kept).result(LIMIT) == TOTAL
    lost = one.submit(make, keep_remote=True)
    assert lost.exception(LIMIT) is None
    one.close(cancel=True)
    with pytest.raises(DependencyError, match="ResultLostError"):
        other.submit(total, lost).result(LIMIT)
    assert other.submit(abs, -1).result(LIMIT) == 1
