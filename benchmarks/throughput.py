"""How many no-ops a second, how long a lone task takes, how much of two workers' time 10 ms tasks really use.

Ours: a session as users get it (journal on, nothing tuned) with the pilot `local://?cores=2&engine=...`. The peer is
the same machinery without us: the standard library's `ProcessPoolExecutor(2)`, a local Dask cluster with 2 workers, or
Ray with 2 CPUs. Beside them loky's reusable executor with 2 workers. All take single submissions.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from functools import partial

import msgspec

from benchmarks.pairs import Machine, Ratio, Samples, emit, in_turns, machine, parser, session_directory
from benchmarks.peers import PEERS, WORKERS, Contender, loky, ours
from benchmarks.tasks import noop, sleep10


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


def noops_per_s(contender: Contender, count: int) -> float:
    """No-ops a second, from the first submit to the last result; all results are checked."""
    start = time.perf_counter()
    results = contender.gather([contender.submit(noop, i) for i in range(count)])
    seconds = time.perf_counter() - start
    if results != list(range(count)):
        raise AssertionError("results differ from the tasks' arguments")
    return count / seconds


def lone_task_ms(contender: Contender, count: int) -> float:
    """Median milliseconds from submit to result of a task that is alone in the system."""
    seconds = []
    for i in range(count):
        start = time.perf_counter()
        contender.gather([contender.submit(noop, i)])
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


def sleep_efficiency(contender: Contender, count: int) -> float:
    """The ideal time of `count` sleeps on the workers over the time taken; 1 is perfect.

    The ideal is what `sleep(0.01)` takes, measured just before and after, times `count` ÷ workers.
    """
    one = [_sleep_seconds()]
    start = time.perf_counter()
    contender.gather([contender.submit(sleep10, i) for i in range(count)])
    seconds = time.perf_counter() - start
    one.append(_sleep_seconds())
    return count * statistics.mean(one) / WORKERS / seconds


def _sleep_seconds(count: int = 50) -> float:
    start = time.perf_counter()
    for i in range(count):
        sleep10(i)
    return (time.perf_counter() - start) / count


def measure(engine: str, tasks: int, sleeps: int, lone: int, pairs: int) -> Throughput:
    """Run all rounds on `engine`; the three contenders stay open throughout."""
    facts = machine()
    with ExitStack() as stack:
        # Pools that fork first: they must have their workers before anything here starts threads.
        openers = {"peer": PEERS[engine], "loky": loky}
        order = ("peer", "loky") if engine == "processes" else ("loky", "peer")
        opened = {name: stack.enter_context(openers[name]()) for name in order}
        us = stack.enter_context(ours(engine, stack.enter_context(session_directory())))
        contenders = [us, opened["peer"], opened["loky"]]
        noops = in_turns([partial(noops_per_s, one, tasks) for one in contenders], "tasks/s", pairs)
        lones = in_turns([partial(lone_task_ms, one, lone) for one in contenders[:2]], "ms", pairs)
        asleep = in_turns(
            [partial(sleep_efficiency, one, sleeps) for one in contenders[:2]],
            "of the ideal",
            pairs,
            warm=False,
        )
    mine, peer, third = noops
    return Throughput(
        engine=engine,
        ours_per_s=mine.median,
        peer_per_s=peer.median,
        ratio=Ratio.of(mine, peer).ratio,
        latency_ms=lones[0].median,
        peer_latency_ms=lones[1].median,
        latency_ratio=Ratio.of(lones[0], lones[1]).ratio,
        sleep_efficiency=asleep[0].median,
        peer_sleep_efficiency=asleep[1].median,
        loky_per_s=third.median,
        loky_ratio=Ratio.of(mine, third).ratio,
        tasks=tasks,
        sleeps=sleeps,
        ours=mine,
        peer=peer,
        loky=third,
        pairs=Ratio.of(mine, peer),
        loky_pairs=Ratio.of(mine, third),
        latency=lones[0],
        peer_latency=lones[1],
        latency_pairs=Ratio.of(lones[0], lones[1]),
        sleep=asleep[0],
        peer_sleep=asleep[1],
        ours_settings=us.settings,
        peer_settings=contenders[1].settings,
        loky_settings=contenders[2].settings,
        machine=facts,
    )


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--engine", choices=list(PEERS), default="processes", help="the engine of our pilot")
    options.add_argument("--tasks", type=int, default=10_000, help="no-ops a round (default: %(default)s)")
    options.add_argument("--sleeps", type=int, default=1_000, help="10 ms sleeps a round (default: %(default)s)")
    options.add_argument("--lone", type=int, default=300, help="lone tasks a round (default: %(default)s)")
    args = options.parse_args()
    emit(measure(args.engine, args.tasks, args.sleeps, args.lone, args.pairs), args.json)


if __name__ == "__main__":
    main()
