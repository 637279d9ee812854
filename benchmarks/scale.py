"""A million queued tasks: what each costs in memory, how fast they are taken, and whether decisions stay flat.

Every measurement runs in a fresh process, so that none inherits another's heap. *Queued* means known to the
scheduler's core. Decisions are measured on the core alone, as the reactor drives it: one outcome in, one task out.
"""

from __future__ import annotations

import gc
import operator
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import TypeVar

import msgspec
import psutil

import pilot_quantum as pq
from benchmarks.pairs import Machine, Ratio, Samples, emit, in_turns, machine, parser, session_directory
from benchmarks.tasks import noop
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import NodeUp, Outcomes, WorkerUp
from pilot_quantum.task.core import Core
from pilot_quantum.task.events import PilotAnnounced, Submitted
from pilot_quantum.task.instructions import Ship
from pilot_quantum.task.queues import Choice, QueueKey

NEEDS, PRIORITIES = 10, 5
LAYOUTS = (1, NEEDS * PRIORITIES)  # queues
FEW = 1000
DECISIONS = 300  # in one round
T = TypeVar("T")


class Queued(msgspec.Struct, frozen=True):
    """A session that holds `tasks` tasks in `queues` queues."""

    queues: int
    tasks: int
    bytes_per_task: float
    submit_per_s: float
    close_s: float


class Decisions(msgspec.Struct, frozen=True):
    """Microseconds of a decision with few and with many tasks in `queues` queues."""

    queues: int
    few: Samples
    many: Samples
    ratio: Ratio


class Scale(msgspec.Struct, frozen=True):
    """The figures; where one queue and many differ, the worse of both."""

    bytes_per_task: float
    submit_per_s: float
    decision_us_1e3: float
    decision_us_1e6: float
    decision_ratio: float
    queued: tuple[Queued, ...]
    decisions: tuple[Decisions, ...]
    settings: str
    machine: Machine


def queue_up(tasks: int, queues: int) -> Queued:
    """Queue `tasks` tasks in a session whose only slots are taken, and see what that costs."""
    with session_directory() as directory:
        return _queue_up(pq.Session(directory), tasks, queues)


def _queue_up(session: pq.Session, tasks: int, queues: int) -> Queued:
    session.add_pilot("local://?cores=2")
    list(session.map(noop, range(1000)))
    blockers = [session.submit(time.sleep, 3600) for _ in range(2)]
    submit = [session.submit] if queues == 1 else [one.submit for one in submitters(session)]
    gc.collect()
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    futures = [submit[i % queues](operator.neg, i) for i in range(tasks)]
    while session.counts()[pq.TaskState.QUEUED] < tasks:
        session.explain(futures[-1])  # answered by the scheduler's own thread, after what it has in hand
    seconds = time.perf_counter() - start
    growth = psutil.Process().memory_info().rss - before
    if any(future.done() for future in (*blockers, futures[0], futures[-1])):
        raise AssertionError("a task ended that was to stay queued")
    start = time.perf_counter()
    session.close(cancel=True)
    closing = time.perf_counter() - start
    return Queued(queues, tasks, round(growth / tasks, 1), round(tasks / seconds), round(closing, 3))


def submitters(session: pq.Session) -> list[pq.Submitter]:
    """One for each of the unlike queues: all their tasks fit the pilot."""
    return [
        session.with_options(needs=_needs(kind), priority=priority)
        for kind in range(NEEDS)
        for priority in range(PRIORITIES)
    ]


class Driver:
    """Drives a core that has `tasks` tasks queued and a busy pilot of two slots, with a clock of its own."""

    def __init__(self, tasks: int, queues: int) -> None:
        kinds = [(kind, priority) for kind in range(NEEDS) for priority in range(PRIORITIES)][:queues]
        self._keys = [QueueKey("neg", (Choice(_needs(kind), "hash"),), priority) for kind, priority in kinds]
        self._core = Core()
        self._now = 0.0
        capacity = Capacity(1, 2, memory=2**34)
        self._core.handle([PilotAnnounced("pilot", capacity), NodeUp("pilot", 0, capacity)], self._now)
        self._core.handle([WorkerUp("pilot", "w0"), WorkerUp("pilot", "w1")], self._now)
        # A task's id tells its queue: id modulo the number of queues.
        each = -(-tasks // queues)
        self._next = [index + each * queues for index in range(queues)]
        events = [self._submitted(index, range(index, self._next[index], queues)) for index in range(queues)]
        self._shipped = deque(self._handle(events))
        self.decide()
        self.decide()  # durations are known from now on: one task of 100 ms makes a bundle

    def decide(self) -> float:
        """One outcome in, one task out: the seconds that the core takes. The queues keep their lengths."""
        ship = self._shipped.popleft()
        # Shipped when the other slot was free: one decision ago.
        began, self._now = max(0.0, self._now - 0.05), self._now + 0.05
        outcomes = [(task, attempt, began, self._now, True) for task, attempt in ship.items]
        events = [Outcomes(ship.pilot, ship.worker, outcomes)]
        start = time.perf_counter()
        instructions = self._core.handle(events, self._now)
        seconds = time.perf_counter() - start
        self._shipped += [one for one in instructions if isinstance(one, Ship)]
        self._replace(ship)
        if len(outcomes) != 1 or len(self._shipped) != 2:
            raise AssertionError("a decision was to free one slot and to fill it with one task")
        return seconds

    def microseconds(self) -> float:
        """The median of a round of decisions."""
        return median(self.decide() for _ in range(DECISIONS)) * 1e6

    def _replace(self, ship: Ship) -> None:
        index = ship.items[0][0] % len(self._keys)
        self._handle([self._submitted(index, [self._next[index]])])
        self._next[index] += len(self._keys)

    def _submitted(self, index: int, tasks: Sequence[int]) -> Submitted:
        return Submitted(self._keys[index], index, tasks, [self._now] * len(tasks))

    def _handle(self, events: Sequence[Submitted]) -> list[Ship]:
        return [one for one in self._core.handle(events, self._now) if isinstance(one, Ship)]


def _needs(kind: int) -> pq.Needs:
    """Needs that are unlike for each `kind`, and all met by the pilot."""
    return pq.Needs(memory=(kind + 1) * 2**20)


def decisions(few: int, many: int, queues: int, pairs: int) -> Decisions:
    """Decisions with few and with many tasks queued, taken in turns."""
    small, large = Driver(few, queues), Driver(many, queues)
    samples = in_turns([small.microseconds, large.microseconds], "us", pairs)
    return Decisions(queues, samples[0], samples[1], Ratio.of(samples[1], samples[0]))


def in_fresh_process(part: str, queues: int, tasks: int, pairs: int, kind: type[T]) -> T:
    """The result of one part of this benchmark, run in a process of its own."""
    options = [f"--part={part}", f"--queues={queues}", f"--tasks={tasks}", f"--pairs={pairs}", "--json"]
    command = [sys.executable, "-m", "benchmarks.scale", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=kind)


def measure(tasks: int, pairs: int) -> Scale:
    """All parts, one after another."""
    facts = machine()
    queued = [in_fresh_process("queued", queues, tasks, pairs, Queued) for queues in LAYOUTS]
    decided = [in_fresh_process("decisions", queues, tasks, pairs, Decisions) for queues in LAYOUTS]
    worst = max(decided, key=lambda one: one.ratio.ratio)
    return Scale(
        bytes_per_task=max(one.bytes_per_task for one in queued),
        submit_per_s=min(one.submit_per_s for one in queued),
        decision_us_1e3=worst.few.median,
        decision_us_1e6=worst.many.median,
        decision_ratio=worst.ratio.ratio,
        queued=tuple(queued),
        decisions=tuple(decided),
        settings=(
            f"Session(), local://?cores=2, both slots taken, journal on; {tasks:,} x submit(operator.neg, i) "
            f"in one queue and in {NEEDS} needs x {PRIORITIES} priorities; decisions: Core.handle alone"
        ),
        machine=facts,
    )


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, default=10**6, help="tasks queued (default: %(default)s)")
    options.add_argument("--part", choices=["queued", "decisions"], help="one part only, in this process")
    options.add_argument("--queues", type=int, choices=LAYOUTS, default=1, help="queues of that part")
    args = options.parse_args()
    if args.part == "queued":
        emit(queue_up(args.tasks, args.queues), args.json)
    elif args.part == "decisions":
        emit(decisions(FEW, args.tasks, args.queues, args.pairs), args.json)
    else:
        emit(measure(args.tasks, args.pairs), args.json)


if __name__ == "__main__":
    main()
