"""A gang on the real Slurm, under a stream of small tasks: it starts when the rule of reservations says."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clusters.conftest import LIMIT, Platform, until

import pilot_quantum as pq
from pilot_quantum.journal.reader import JournalReader

pytestmark = pytest.mark.requires("slurm", "dask")


def _nap(number: int) -> int:
    time.sleep(0.05)
    return number


def _later(number: int) -> int:
    return -number


def _wait_for(gate: str) -> str:
    Path(gate, "begun").touch()
    while not os.path.exists(f"{gate}/go"):
        time.sleep(0.02)
    return socket.gethostname()


def _gang() -> str:
    return socket.gethostname()


def test_a_gang_under_a_stream_of_small_tasks_starts_when_what_ran_there_has_ended(
    platform: Callable[[], Platform], tmp_path: Path
) -> None:
    one = platform()
    session = one.session
    session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m&engine=dask", name="p")
    # Known durations: what fits before the gang is told from what does not.
    small = session.with_options(expected_duration=0.05, name="small")
    warm = [small.submit(_nap, i) for i in range(40)]
    assert [future.result(LIMIT) for future in warm] == list(range(40))

    blocking = session.with_options(expected_duration=40, name="blocking").submit(_wait_for, str(tmp_path))
    until((tmp_path / "begun").exists, "the task in the gang's way")
    stream = [small.submit(_nap, i) for i in range(60)]
    gang = session.with_options(needs=pq.Needs(nodes=2, cores=2), name="gang").submit(_gang)
    late = [session.with_options(expected_duration=300, name="late").submit(_later, i) for i in range(20)]
    stream += [small.submit(_nap, i) for i in range(60, 800)]

    # From the moment when nothing older waits.
    until(lambda: "p: can: nodes 0, 1 are being kept free for it" in session.explain(gang), "the reservation")
    ended = sum(future.done() for future in stream[60:])
    until(lambda: sum(future.done() for future in stream[60:]) > ended + 50, "tasks that end before the gang can begin")
    assert not gang.done()
    assert not any(future.done() for future in late)
    (tmp_path / "go").touch()

    hosts = {blocking.result(LIMIT), gang.result(LIMIT)}
    assert hosts <= set(one.slurm.nodes)
    assert [future.result(LIMIT) for future in stream] == list(range(800))
    assert [future.result(LIMIT) for future in late] == [-i for i in range(20)]
    session.close()

    with JournalReader(session.directory) as journal:
        spans = list(journal.spans)
    assert not [span for span in spans if span.end == "failed"]
    done = [span for span in spans if span.end == "done"]
    began = {name: [span.began or 0.0 for span in done if span.group == name] for name in ("small", "late", "gang")}
    (start,) = began["gang"]
    (freed,) = [span.ended for span in done if span.group == "blocking"]
    assert freed is not None
    assert freed <= start
    assert all(time > start for time in began["late"]), "one that does not fit before the gang overtook it"
    between = [time for time in began["small"] if freed < time < start]
    assert len(between) <= 40, "the gang did not start when its nodes were free"
    assert sum(time > start for time in began["small"]) > 200, "the gang waited for the whole stream"


def _ranks(start: int) -> tuple[int, list[str]]:
    """The sum over all ranks, and their hosts."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    return world.allreduce(start + world.Get_rank()), world.allgather(socket.gethostname())


@pytest.mark.requires("mpi4py")
def test_four_ranks_start_amid_a_stream_of_small_tasks(platform: Callable[[], Platform]) -> None:
    one = platform()
    session = one.session
    session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m&engine=dask", name="p")
    small = session.with_options(name="small")
    stream = [small.submit(_nap, i) for i in range(100)]
    gang = session.submit_mpi(_ranks, 10, ranks=4, ranks_per_node=2, name="gang")
    stream += [small.submit(_nap, i) for i in range(100, 1000)]
    total, hosts = gang.result(LIMIT)
    waiting = sum(not future.done() for future in stream)
    assert total == 46
    assert sorted(hosts.count(host) for host in set(hosts)) == [2, 2]
    assert waiting > 300, "the gang waited for what was submitted after it"
    assert [future.result(LIMIT) for future in stream] == list(range(1000))
