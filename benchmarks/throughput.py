"""How many no-ops a second, how long a lone task takes, how much of two workers' time 10 ms tasks really use.

Ours: a session as users get it (journal on, nothing tuned) with the pilot `local://?cores=2`. Peers: the
standard library's `ProcessPoolExecutor(2)` and loky's reusable executor with 2 workers. All take single
submissions.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial
from typing import Any

import loky
import msgspec

import pilot_quantum as pq
from benchmarks.pairs import Machine, Ratio, Samples, emit, in_turns, machine, parser, session_directory
from benchmarks.tasks import noop, sleep10

WORKERS = 2
Submit = Callable[..., "Future[Any]"]


class Throughput(msgspec.Struct, frozen=True):
    """The figures: per second and milliseconds are medians of the rounds, ratios those of the medians."""

    engine: str
    ours_per_s: float
    peer_per_s: float
    ratio: float
    latency_ms: float
    peer_latency_ms: float
    latency_ratio: float
    sleep_efficiency: float
    peer_sleep_efficiency: float
    loky_per_s: float
    loky_ratio: float
    tasks: int
    sleeps: int
    ours: Samples
    peer: Samples
    loky: Samples
    pairs: Ratio
    loky_pairs: Ratio
    latency: Samples
    peer_latency: Samples
    latency_pairs: Ratio
    sleep: Samples
    peer_sleep: Samples
    ours_settings: str
    peer_settings: str
    loky_settings: str
    machine: Machine


def noops_per_s(submit: Submit, count: int) -> float:
    """No-ops a second, from the first submit to the last result; all results are checked."""
    start = time.perf_counter()
    futures = [submit(noop, i) for i in range(count)]
    results = [future.result() for future in futures]
    seconds = time.perf_counter() - start
    if results != list(range(count)):
        raise AssertionError("results differ from the tasks' arguments")
    return count / seconds


def lone_task_ms(submit: Submit, count: int) -> float:
    """Median milliseconds from submit to result of a task that is alone in the system."""
    seconds = []
    for i in range(count):
        start = time.perf_counter()
        submit(noop, i).result()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def sleep_efficiency(submit: Submit, count: int) -> float:
    """The ideal time of `count` sleeps on the workers over the time taken; 1 is perfect.

    The ideal is what `sleep(0.01)` takes, measured just before and after, times `count` ÷ workers.
    """
    one = [_sleep_seconds()]
    start = time.perf_counter()
    futures = [submit(sleep10, i) for i in range(count)]
    for future in futures:
        future.result()
    seconds = time.perf_counter() - start
    one.append(_sleep_seconds())
    return count * statistics.mean(one) / WORKERS / seconds


def _sleep_seconds(count: int = 50) -> float:
    start = time.perf_counter()
    for i in range(count):
        sleep10(i)
    return (time.perf_counter() - start) / count


def _warm(executor: Executor) -> None:
    """Start all workers: a pool that forks on demand must see more tasks than it has workers."""
    for future in [executor.submit(sleep10, i) for i in range(10 * WORKERS)]:
        future.result()


def measure(engine: str, tasks: int, sleeps: int, lone: int, pairs: int) -> Throughput:
    """Run all rounds on `engine`; the three contenders stay open throughout."""
    facts = machine()
    # The pool forks: it must have its workers before our session starts threads.
    with ProcessPoolExecutor(WORKERS) as pool, loky.get_reusable_executor(WORKERS, timeout=None) as reusable:
        _warm(pool)
        _warm(reusable)
        with session_directory() as directory, pq.Session(directory) as session:
            session.add_pilot(f"local://?cores={WORKERS}&engine={engine}")
            submits: list[Submit] = [session.submit, pool.submit, reusable.submit]
            noops = in_turns([partial(noops_per_s, s, tasks) for s in submits], "tasks/s", pairs)
            lones = in_turns([partial(lone_task_ms, s, lone) for s in submits[:2]], "ms", pairs)
            asleep = in_turns(
                [partial(sleep_efficiency, s, sleeps) for s in submits[:2]],
                "of the ideal",
                pairs,
                warm=False,
            )
    ours, peer, third = noops
    return Throughput(
        engine=engine,
        ours_per_s=ours.median,
        peer_per_s=peer.median,
        ratio=Ratio.of(ours, peer).ratio,
        latency_ms=lones[0].median,
        peer_latency_ms=lones[1].median,
        latency_ratio=Ratio.of(lones[0], lones[1]).ratio,
        sleep_efficiency=asleep[0].median,
        peer_sleep_efficiency=asleep[1].median,
        loky_per_s=third.median,
        loky_ratio=Ratio.of(ours, third).ratio,
        tasks=tasks,
        sleeps=sleeps,
        ours=ours,
        peer=peer,
        loky=third,
        pairs=Ratio.of(ours, peer),
        loky_pairs=Ratio.of(ours, third),
        latency=lones[0],
        peer_latency=lones[1],
        latency_pairs=Ratio.of(lones[0], lones[1]),
        sleep=asleep[0],
        peer_sleep=asleep[1],
        ours_settings=f"Session(), local://?cores={WORKERS}&engine={engine}, submit one by one, journal on",
        peer_settings=f"ProcessPoolExecutor({WORKERS}), default start method, submit one by one",
        loky_settings=f"loky.get_reusable_executor({WORKERS}, timeout=None), submit one by one",
        machine=facts,
    )


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--engine", choices=["processes"], default="processes", help="the engine of our pilot")
    options.add_argument("--tasks", type=int, default=10_000, help="no-ops a round (default: %(default)s)")
    options.add_argument("--sleeps", type=int, default=1_000, help="10 ms sleeps a round (default: %(default)s)")
    options.add_argument("--lone", type=int, default=300, help="lone tasks a round (default: %(default)s)")
    args = options.parse_args()
    emit(measure(args.engine, args.tasks, args.sleeps, args.lone, args.pairs), args.json)


if __name__ == "__main__":
    main()
