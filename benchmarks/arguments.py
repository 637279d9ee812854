"""Many tasks with one large array: stored once by `put`, passed to each, and as the peers do both.

Every figure is milliseconds per task that reads the whole array, storing or scattering it included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec
import numpy as np

import pilot_quantum as pq
from benchmarks.pairs import Machine, Samples, emit, in_turns, machine, parser, session_directory
from benchmarks.tasks import total

WORKERS = 2
FEWER = 10
"""Where the array travels with each task, so many times fewer tasks: the figure is per task."""
WINDOW = 4
"""Tasks under way at a time where each has its copy: more would not fit into memory."""

Array = np.ndarray[Any, Any]


class Arguments(msgspec.Struct, frozen=True):
    """Milliseconds per task; medians of the rounds. floor: the task itself, in this process, per worker."""

    put_ms: float
    direct_ms: float
    pool_ms: float
    scatter_ms: float
    floor_ms: float
    direct_over_put: float
    pool_over_put: float
    scatter_over_put: float
    tasks: int
    megabytes: int
    put: Samples
    direct: Samples
    pool: Samples
    scatter: Samples
    floor: Samples
    settings: str
    machine: Machine


def per_task_ms(run: Callable[[Array, int], Iterable[Any]], megabytes: int, tasks: int) -> float:
    """Milliseconds per task of a contender, with a fresh array. Raises AssertionError on a wrong sum."""
    # Whole numbers: their sum is exact, in whatever order a machine adds them.
    array = np.random.default_rng(time.monotonic_ns()).integers(0, 1000, megabytes * 125_000).astype(np.float64)
    expected = total(array)
    start = time.perf_counter()
    found = list(run(array, tasks))
    seconds = time.perf_counter() - start
    if found != [expected] * tasks:
        raise AssertionError("sums differ from that of the array")
    return seconds / tasks * 1e3


def put(session: pq.Session, array: Array, tasks: int) -> list[float]:
    """Stored once, the handle passed."""
    stored = session.put(array)
    return [future.result() for future in [session.submit(total, stored) for _ in range(tasks)]]


def passed(submit: Callable[..., Any], array: Array, tasks: int) -> Iterable[float]:
    """The array itself passed to each task."""
    for start in range(0, tasks, WINDOW):
        futures = [submit(total, array) for _ in range(min(WINDOW, tasks - start))]
        yield from [future.result() for future in futures]


def scattered(client: Any, array: Array, tasks: int) -> list[float]:
    """Scattered to all workers of a Dask cluster first."""
    there = client.scatter(array, broadcast=True, hash=False)
    found: list[float] = client.gather([client.submit(total, there, pure=False) for _ in range(tasks)])
    return found


def alone(array: Array, tasks: int) -> list[float]:
    """The tasks in this process; as they would share the workers, a share of them counts."""
    return [total(array) for _ in range(tasks // WORKERS)] * WORKERS


def measure(megabytes: int, tasks: int, pairs: int) -> Arguments:
    """Run all rounds; the contenders stay open throughout."""
    from distributed import Client, LocalCluster

    facts = machine()
    few = max(WORKERS, tasks // FEWER)
    tasks -= tasks % WORKERS
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(WORKERS))
        list(pool.map(total, [np.ones(1)] * 2 * WORKERS))  # forks its workers before anything here starts threads
        cluster = stack.enter_context(
            LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None)
        )
        client = stack.enter_context(Client(cluster))
        session = stack.enter_context(pq.Session(stack.enter_context(session_directory())))
        session.add_pilot(f"local://?cores={WORKERS}")
        runs = [
            partial(per_task_ms, partial(put, session), megabytes, tasks),
            partial(per_task_ms, partial(passed, session.submit), megabytes, few),
            partial(per_task_ms, partial(passed, pool.submit), megabytes, few),
            partial(per_task_ms, partial(scattered, client), megabytes, tasks),
            partial(per_task_ms, alone, megabytes, tasks),
        ]
        by_put, direct, by_pool, scatter, floor = in_turns(runs, "ms per task", pairs)
    return Arguments(
        put_ms=by_put.median,
        direct_ms=direct.median,
        pool_ms=by_pool.median,
        scatter_ms=scatter.median,
        floor_ms=floor.median,
        direct_over_put=round(direct.median / by_put.median, 2),
        pool_over_put=round(by_pool.median / by_put.median, 2),
        scatter_over_put=round(scatter.median / by_put.median, 2),
        tasks=tasks,
        megabytes=megabytes,
        put=by_put,
        direct=direct,
        pool=by_pool,
        scatter=scatter,
        floor=floor,
        settings=(
            f"local://?cores={WORKERS} against ProcessPoolExecutor({WORKERS}) and LocalCluster(n_workers={WORKERS}, "
            f"threads_per_worker=1) with scatter(broadcast=True); a fresh array each round, {tasks} tasks; passed "
            f"directly: {few} tasks, {WINDOW} at a time"
        ),
        machine=facts,
    )


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, default=200, help="tasks of a round (default: %(default)s)")
    options.add_argument("--megabytes", type=int, default=50, help="size of the array (default: %(default)s)")
    args = options.parse_args()
    emit(measure(args.megabytes, args.tasks, args.pairs), args.json)


if __name__ == "__main__":
    main()
