"""When many jobs end on unlike workers: a bound from below, and what our scheduler does, played through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from pilot_quantum.errors import InvalidDescriptionError


@dataclass(frozen=True, slots=True)
class Job:
    """A task. seconds: on a worker of speed 1. qubits: of its circuit, for workers that take only so wide ones."""

    seconds: float
    qubits: int = 0


@dataclass(frozen=True, slots=True)
class Worker:
    """What runs one job at a time. speed: against the worker whose seconds jobs have. widest: qubits; None: any.

    Raises InvalidDescriptionError for a speed that is not above 0 and finite.
    """

    speed: float = 1.0
    widest: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.speed < inf:
            raise InvalidDescriptionError(
                f"Worker(speed={self.speed!r}): a worker's speed must be finite and above 0; leave out one that does "
                "nothing."
            )

    def takes(self, job: Job) -> bool:
        """Whether `job` may run here."""
        return self.widest is None or job.qubits <= self.widest


def bound(jobs: Sequence[Job], workers: Sequence[Worker]) -> float:
    """Seconds below which no schedule ends: the longest job where it is fastest, and work over speed.

    Work over speed holds for every width alone as well: jobs wider than some workers take have fewer to share.
    Infinite where a job fits nowhere.
    """
    longest = max((_fastest(job, workers) for job in jobs), default=0.0)
    shared = [longest]
    for width in {job.qubits for job in jobs}:
        able = sum(worker.speed for worker in workers if worker.widest is None or worker.widest >= width)
        work = sum(job.seconds for job in jobs if job.qubits >= width)
        shared.append(work / able if able else inf)
    return max(shared)


def greedy(jobs: Sequence[Job], workers: Sequence[Worker]) -> float:
    """Seconds after which our dispatcher has ended all jobs, which are queued in this order.

    Whenever a worker is free, the first job that fits a free worker starts, there where it ends first (decision 0006,
    durations known). Infinite where a job fits nowhere.
    """
    if any(not any(worker.takes(job) for worker in workers) for job in jobs):
        return inf
    waiting = list(jobs)
    free = list(range(len(workers)))
    running: list[tuple[float, int]] = []
    now = 0.0
    while True:
        left: list[Job] = []
        for at, job in enumerate(waiting):
            if not free:
                left += waiting[at:]
                break
            able = [i for i in free if workers[i].takes(job)]
            if not able:
                left.append(job)
                continue
            best = max(able, key=lambda i: (workers[i].speed, -i))
            free.remove(best)
            heappush(running, (now + job.seconds / workers[best].speed, best))
        waiting = left
        if not running:
            return now
        now, ended = heappop(running)
        free.append(ended)
        while running and running[0][0] == now:
            free.append(heappop(running)[1])


def longest_first(jobs: Sequence[Job], workers: Sequence[Worker]) -> float:
    """`greedy` with the longest jobs first: at most 4/3 of the best on equal workers (Graham 1969)."""
    return greedy(sorted(jobs, key=lambda job: (-job.seconds, -job.qubits)), workers)


def _fastest(job: Job, workers: Sequence[Worker]) -> float:
    speed = max((worker.speed for worker in workers if worker.takes(job)), default=0.0)
    return job.seconds / speed if speed else inf
