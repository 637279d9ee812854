"""One program on local processes, Slurm with Dask, ssh with Ray, and MPI gangs in Slurm, all at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.clusters.conftest import LIMIT, Platform

import pilot_quantum as pq
from pilot_quantum.journal.reader import JournalReader

pytestmark = pytest.mark.requires("slurm", "dask", "ray", "mpi4py")

TASKS = 5000


def _square(x: int) -> int:
    return x * x


def _nap(x: int) -> int:
    time.sleep(0.1)
    return -x


def _norm(vector: Any) -> float:
    return float(np.linalg.norm(vector))


def _refuse(x: int) -> None:
    raise ValueError(f"not {x}")


def _ring(start: int) -> tuple[int, list[str]]:
    """Each rank adds its number to what comes around; and the hosts on which the ranks are."""
    import socket

    from mpi4py import MPI

    world = MPI.COMM_WORLD
    rank, size = world.Get_rank(), world.Get_size()
    total = start if rank == 0 else world.recv(source=rank - 1)
    world.send(total + rank, dest=(rank + 1) % size)
    hosts = world.allgather(socket.gethostname())
    return (world.recv(source=size - 1) if rank == 0 else 0), hosts


def test_five_thousand_mixed_tasks_on_four_pilots(platform: Callable[[], Platform]) -> None:
    one = platform()
    session = one.session
    session.add_pilot("local://?cores=2", name="laptop")
    session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m", name="cluster")
    session.add_pilot("slurm:///normal?nodes=2&cores=2&walltime=10m&engine=processes&capabilities=gangs", name="gangs")

    squares = [session.submit(_square, i) for i in range(TASKS - 2101)]
    naps = [session.submit(_nap, i) for i in range(1500)]
    sums = [session.submit(sum, squares[i : i + 3]) for i in range(0, 300, 3)]
    vector = session.submit(np.ones, 100_000)
    norms = [session.submit(_norm, vector) for _ in range(394)]
    refused = [session.submit(_refuse, i) for i in range(100)]
    tight = pq.Needs(capabilities={"gangs"})
    rings = [session.submit_mpi(_ring, start, ranks=4, ranks_per_node=2, rank_needs=tight) for start in range(5)]
    submitted = time.monotonic()
    session.add_pilot("ssh://h1?cores=2&engine=ray&walltime=10m", name="late")

    last = [session.with_options(needs=pq.Needs(cores=2)).submit(_nap, i) for i in range(1)]
    assert [future.result(LIMIT) for future in squares] == [i * i for i in range(len(squares))]
    assert [future.result(LIMIT) for future in naps] == [-i for i in range(len(naps))]
    assert [future.result(LIMIT) for future in sums] == [sum(j * j for j in range(i, i + 3)) for i in range(0, 300, 3)]
    assert [future.result(LIMIT) for future in norms] == pytest.approx([100_000**0.5] * 394, rel=1e-12)
    assert [str(future.exception(LIMIT)) for future in refused] == [f"not {i}" for i in range(100)]
    assert [future.result(LIMIT) for future in last] == [0]
    for start, ring in enumerate(rings):
        value, hosts = ring.result(LIMIT)
        assert value == start + 6
        assert len(set(hosts)) == 2
    assert sum(map(len, (squares, naps, sums, [vector], norms, refused, rings, last))) == TASKS
    session.close()

    with JournalReader(session.directory) as journal:
        done = [span for span in journal.spans if span.end == "done"]
    assert {span.pilot for span in done} == {"laptop", "cluster", "gangs", "late"}
    older = [span for span in done if span.pilot == "late" and span.queued is not None and span.queued < submitted]
    assert older, "the last pilot did nothing that was submitted before it existed"
