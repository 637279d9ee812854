"""Pilots that change while tasks run, on the real Slurm: resized, grown and shrunk, replaced, drained."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clusters.conftest import LIMIT, Platform, until

import pilot_quantum as pq
from pilot_quantum.journal.events import Decision, Span
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.resource import elastic

pytestmark = pytest.mark.requires("slurm")

Open = Callable[[], Platform]


def _job(seconds: float = 0.0) -> str:
    """The batch job in which this runs."""
    time.sleep(seconds)
    return os.environ["SLURM_JOB_ID"]


def _wait_for(gate: str, name: str) -> str:
    """Says that it has begun, and ends when it may; the batch job in which it ran."""
    Path(gate, name).touch()
    while not os.path.exists(f"{gate}/go"):
        time.sleep(0.02)
    return os.environ["SLURM_JOB_ID"]


def _decisions(session: pq.Session) -> list[Decision]:
    """What has been decided so far, oldest first."""
    session.reactor.ask(session._journal.flush)
    with JournalReader(session.directory) as journal:
        return [one for one in journal.decisions if one.decision != "capacity wanted"]


def _reasons(session: pq.Session, subject: str) -> list[str]:
    return [f"{one.decision}: {one.reason}" for one in _decisions(session) if one.subject == subject]


def _spans(session: pq.Session) -> list[Span]:
    """Every attempt of a session that is closed."""
    with JournalReader(session.directory) as journal:
        return list(journal.spans)


def _no_attempt_was_lost(session: pq.Session) -> None:
    """Every task ran once: what was handed back had not begun."""
    lost = [span for span in _spans(session) if span.began is not None and span.end != "done"]
    assert not lost, "\n".join(map(str, lost))


def test_a_pilot_grows_and_shrinks_when_it_is_told_to(platform: Open, tmp_path: Path) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot("slurm:///normal?cores=2&walltime=10m&engine=processes", name="p")
    staying = [session.submit(_wait_for, str(tmp_path), f"stays-{i}") for i in range(2)]
    until(lambda: len(list(tmp_path.glob("stays-*"))) == 2, "two tasks")

    third = session.submit(_job)
    pilot.resize(nodes=3)
    assert third.result(LIMIT) == one.job(1)
    assert pilot.capacity.nodes == 3
    assert len(one.slurm.jobs()) == 2

    pilot.resize(nodes=1)
    # The youngest go first; what runs in the first job is left alone.
    until(lambda: len(one.slurm.jobs()) == 1, "the end of the further job")
    (tmp_path / "go").touch()
    assert {future.result(LIMIT) for future in staying} == {one.job(0)}
    assert pilot.capacity.nodes == 1
    assert session.submit(_job).result(LIMIT) == one.job(0)
    assert any("asked for 2 nodes: resize to 3 nodes" in words for words in _reasons(session, "p.2"))
    assert any("drain: resize to 1 node " in words for words in _reasons(session, "p.2"))
    session.close()
    _no_attempt_was_lost(session)


def test_what_runs_on_nodes_that_are_given_up_ends_first(platform: Open, tmp_path: Path) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot("slurm:///normal?cores=1&walltime=10m", name="p")
    pilot.wait("active", LIMIT)  # its job has the lower number
    pilot.resize(nodes=2)
    staying = [session.submit(_wait_for, str(tmp_path), f"stays-{i}") for i in range(2)]
    until(lambda: len(list(tmp_path.glob("stays-*"))) == 2, "a task on each node")
    many = [session.submit(_job) for _ in range(20)]
    pilot.resize(nodes=1)
    until(lambda: any("drain" in words for words in _reasons(session, "p.2")), "the decision")
    assert len(one.slurm.jobs()) == 2
    first, second = one.job(0), one.job(1)
    (tmp_path / "go").touch()
    assert {future.result(LIMIT) for future in staying} == {first, second}
    assert {future.result(LIMIT) for future in many} == {first}
    until(lambda: one.slurm.jobs() == {first}, "the end of the second job")
    session.close()
    _no_attempt_was_lost(session)


def test_it_grows_from_nothing_by_its_backlog_and_returns_to_nothing(platform: Open) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot(
        "slurm:///normal?cores=2&walltime=10m&min_nodes=0&max_nodes=2&hold=0.5&idle_timeout=2&engine=processes",
        name="p",
    )
    assert not one.slurm.jobs()
    timed = session.with_options(expected_duration=4)
    futures = [timed.submit(_job, 0.5) for _ in range(12)]
    words = session.explain(futures[-1])
    assert "p: can: when its nodes are up" in words
    assert all(future.result(LIMIT) for future in futures)
    grown = [one for one in _decisions(session) if one.reason.startswith("grow")]
    assert len(grown) == 1
    assert grown[0].decision == "asked for 2 nodes"
    assert "12 tasks wait" in grown[0].reason
    assert "predicted to take 4 s each" in grown[0].reason
    until(lambda: not one.slurm.jobs(), "the end of idle jobs")
    assert any("drain: shrink: nothing has run there for" in words for words in _reasons(session, "p.1"))
    until(lambda: pilot.state == "queued", "the pilot without nodes")
    assert "it has no nodes now" in session.explain(session.with_options(needs=pq.Needs(cores=2)).submit(_job))
    assert session.submit(_job).result(LIMIT)  # and it comes back for one more
    pilot.drain()
    assert pilot.wait("done", LIMIT) == "done"
    session.close()
    _no_attempt_was_lost(session)


def test_it_shrinks_to_what_is_always_wanted(platform: Open) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot(
        "slurm:///normal?cores=1&walltime=10m&max_nodes=2&hold=0.2&idle_timeout=1&engine=processes", name="p"
    )
    futures = [session.submit(_job, 1.0) for _ in range(12)]
    jobs = {future.result(LIMIT) for future in futures}
    assert len(jobs) == 2
    until(lambda: len(one.slurm.jobs()) == 1, "the end of one of the jobs")
    assert pilot.state == "active"
    session.close()
    _no_attempt_was_lost(session)


def test_an_allocation_is_replaced_before_its_walltime_is_over(platform: Open) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot("slurm:///normal?cores=1&walltime=1m&replace_before=55&engine=processes", name="p")
    first = session.submit(_job).result(LIMIT)
    stop = time.monotonic() + LIMIT
    jobs = [first]
    while len(set(jobs)) < 2 and time.monotonic() < stop:
        jobs.append(session.submit(_job, 0.2).result(LIMIT))
        assert pilot.state == "active"
    until(lambda: first not in one.slurm.jobs(), "the end of the first job")
    assert jobs == sorted(jobs, key=int)
    assert any(words.startswith("asked for 1 node: replace: p.1 ends in") for words in _reasons(session, "p.2"))
    assert "drain: replaced by p.2" in _reasons(session, "p.1")
    session.close()
    _no_attempt_was_lost(session)


def test_a_task_that_cannot_end_in_the_time_left_waits_for_the_successor(platform: Open, tmp_path: Path) -> None:
    one = platform()
    session = one.session
    session.add_pilot("slurm:///normal?cores=1&walltime=1m&replace_before=48&engine=processes", name="p")
    blocking = session.submit(_wait_for, str(tmp_path), "blocks")
    until((tmp_path / "blocks").exists, "the first task")
    long = session.with_options(expected_duration=55).submit(_job)
    until(lambda: "not now: has" in session.explain(long), "time becoming short")
    assert "the task is expected to take 55 s" in session.explain(long)
    (tmp_path / "go").touch()
    first = blocking.result(LIMIT)
    assert session.submit(_job).result(LIMIT) == first  # the slot is free, and not for the long one
    assert not long.done()
    assert int(long.result(LIMIT)) > int(first)
    session.close()
    _no_attempt_was_lost(session)


def test_what_waits_is_told_why_by_the_batch_system_and_by_elasticity(platform: Open, tmp_path: Path) -> None:
    one = platform()
    session = one.session
    other = one.slurm.submit("sleep 600", "--nodes=3", "--exclusive", cwd=tmp_path)
    one.slurm.until_job(other, "RUNNING")
    session.add_pilot(
        "slurm:///normal?cores=2&walltime=10m&min_nodes=0&max_nodes=2&hold=0.5&engine=processes", name="p"
    )
    future = session.with_options(expected_duration=30).submit(_job)
    until(lambda: "p.1 (1 node) is pending" in session.explain(future), "the job in the queue")
    until(lambda: "(Resources)" in session.explain(future), "the scheduler's reason")
    words = session.explain(future)
    assert "p: can: when its nodes are up" in words
    assert "p.1: asked for 1 node" in words
    assert "ago (grow: a task waits, for" in words
    one.slurm.cancel([other])
    assert future.result(LIMIT)


def test_a_job_that_is_told_to_end_drains_and_pays_nothing(platform: Open, tmp_path: Path) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot("slurm:///normal?cores=1&walltime=10m&engine=processes", name="p")
    staying = session.submit(_wait_for, str(tmp_path), "stays")
    until((tmp_path / "stays").exists, "a task")
    many = [session.submit(_job) for _ in range(10)]
    first = one.job()
    one.slurm.must("scancel", "--signal=TERM", "--batch", first)
    until(lambda: any("drain" in words for words in _reasons(session, "p.1")), "the decision")
    assert "its agent received SIGTERM" in " ".join(_reasons(session, "p.1"))
    assert "is draining (its agent received SIGTERM)" in session.explain(many[0])
    pilot.resize(nodes=1)  # what expires does not count any more
    (tmp_path / "go").touch()
    assert staying.result(LIMIT) == first
    assert {future.result(LIMIT) for future in many} != {first}
    session.close()
    _no_attempt_was_lost(session)


def test_the_time_that_is_left_is_the_batch_systems(platform: Open) -> None:
    one = platform()
    session = one.session
    session.add_pilot("slurm:///quantum?cores=1", name="p")  # a minute is what this partition gives by itself
    assert session.submit(_job).result(LIMIT)
    long = session.with_options(expected_duration=600).submit(_job)
    left = re.search(r"not now: has ([0-9.]+) s left, the task is expected to take 10.0 min", session.explain(long))
    assert left is not None, session.explain(long)
    assert 20 < float(left[1]) <= 60


def test_several_nodes_grow_and_shrink_with_an_engine_over_them(platform: Open) -> None:
    one = platform()
    session = one.session
    pilot = session.add_pilot(
        "slurm:///normal?cores=1&walltime=10m&min_nodes=0&max_nodes=3&hold=0.5&idle_timeout=2", name="p"
    )
    assert pilot.description.engine == "dask"
    gang = session.with_options(needs=pq.Needs(nodes=2)).submit(_job)
    assert gang.result(LIMIT) == one.job(0)
    assert any("on 2 nodes at once" in words for words in _reasons(session, "p.1"))
    futures = [session.submit(_job, 0.5) for _ in range(40)]
    assert len({future.result(LIMIT) for future in futures}) == 2
    assert pilot.nodes == 3
    until(lambda: not one.slurm.jobs(), "the end of idle jobs")
    until(lambda: pilot.nodes == 0, "the end of the nodes")
    session.close()
    _no_attempt_was_lost(session)


def test_a_pilot_that_may_grow_but_never_gets_anything_fails_with_the_reason(
    platform: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic, "BACK_OFF", 2.0)  # and twice as much after the second of three refusals
    one = platform()
    session = one.session
    pilot = session.add_pilot("slurm:///nowhere?cores=1&min_nodes=0&max_nodes=2&hold=0.1&engine=processes", name="p")
    future = session.submit(_job)
    until(lambda: "nothing more is asked for within" in session.explain(future), "a first refusal")
    assert pilot.wait("done", LIMIT) == "failed"
    assert "nowhere" in pilot.cause or "partition" in pilot.cause
    assert isinstance(future.exception(LIMIT), pq.PilotQuantumError)
