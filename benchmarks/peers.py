"""What we compare with: each peer as its own manual says, with two workers, kept open while it takes its turns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pilot_quantum as pq
from benchmarks.tasks import noop, sleep10

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Contender:
    """How to submit a task, how to have the results of many (in order), and under which settings."""

    submit: Callable[..., Any]
    gather: Callable[[Sequence[Any]], list[Any]]
    settings: str

    def warm(self) -> Contender:
        """This contender, with all of its workers started."""
        self.gather([self.submit(sleep10, i) for i in range(10 * WORKERS)])
        self.gather([self.submit(noop, i) for i in range(10 * WORKERS)])
        return self


def results(futures: Sequence[Any]) -> list[Any]:
    """The results of futures as the standard library has them."""
    return [future.result() for future in futures]


@contextmanager
def ours(engine: str, directory: str) -> Iterator[Contender]:
    """A session as users get it: journal on, nothing tuned."""
    url = f"local://?cores={WORKERS}&engine={engine}"
    with pq.Session(directory) as session:
        session.add_pilot(url)
        yield Contender(session.submit, results, f"Session(), {url}, submit one by one, journal on").warm()


@contextmanager
def processes() -> Iterator[Contender]:
    """The standard library's pool. It forks: open it before anything starts threads."""
    with ProcessPoolExecutor(WORKERS) as pool:
        settings = f"ProcessPoolExecutor({WORKERS}), default start method, submit one by one"
        yield Contender(pool.submit, results, settings).warm()


@contextmanager
def loky() -> Iterator[Contender]:
    """loky's reusable executor."""
    import loky

    pool: Executor = loky.get_reusable_executor(WORKERS, timeout=None)
    with pool:
        settings = f"loky.get_reusable_executor({WORKERS}, timeout=None), submit one by one"
        yield Contender(pool.submit, results, settings).warm()


@contextmanager
def dask() -> Iterator[Contender]:
    """A local Dask cluster of single-thread worker processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        settings = (
            f"LocalCluster(n_workers={WORKERS}, threads_per_worker=1, processes=True), "
            "Client.submit(pure=False) one by one, Client.gather"
        )
        yield Contender(lambda fn, i: client.submit(fn, i, pure=False), client.gather, settings).warm()


@contextmanager
def ray() -> Iterator[Contender]:
    """A local Ray, its remote functions made once."""
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # below `uv run` it would run its workers by that command
    import ray

    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=500 * 2**20,
    )
    try:
        remote = {fn: ray.remote(fn) for fn in (noop, sleep10)}
        settings = f"ray.init(num_cpus={WORKERS}), ray.remote(fn).remote(i) one by one, ray.get of the list"
        yield Contender(lambda fn, i: remote[fn].remote(i), ray.get, settings).warm()
    finally:
        ray.shutdown()


PEERS = {"processes": processes, "dask": dask, "ray": ray}
"""engine of our pilot -> the peer that the same machinery makes without us."""
