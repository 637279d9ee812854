"""Drives the scheduler's core without threads, sockets or a clock: time moves when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import Began, EngineEnded, Outcomes, Revoked, WorkerLost, WorkerUp
from pilot_quantum.task.core import Core
from pilot_quantum.task.events import Cancelled, Closing, Event, PilotAnnounced, PilotDraining, Submitted, Timer
from pilot_quantum.task.instructions import (
    CapacityWanted,
    Forget,
    Kill,
    Record,
    Resolution,
    Resolve,
    Revoke,
    SetTimer,
    Ship,
    StopPilot,
)
from pilot_quantum.task.needs import Needs, NeedsLike, variants
from pilot_quantum.task.policy import Policy
from pilot_quantum.task.queues import Choice, QueueKey
from pilot_quantum.task.state import TaskState

ONE_CORE = Needs()


@dataclass
class WorkerDouble:
    """What a worker has, in the order of running; the first may be `running`."""

    pilot: str
    name: str
    cores: int = 0
    gpus: tuple[int, ...] = ()
    items: list[tuple[int, int]] = field(default_factory=list)
    running: tuple[int, int] | None = None
    doomed: bool = False


class Harness:
    """A core, an engine double that does what it is told, and a notebook of all that happened."""

    def __init__(self, policy: Policy | None = None, prompt: bool = True) -> None:
        """`prompt`: requests to give tasks back are answered at once, not when a test calls `answer_revokes`."""
        self.core = Core(policy)
        self.prompt = prompt
        self.asked: list[Revoke] = []
        self.now = 0.0
        self.workers: dict[str, WorkerDouble] = {}
        self.capacity: dict[str, Capacity] = {}
        self.ended_pilots: set[str] = set()
        self.dispatched: list[tuple[int, str]] = []
        self.resolved: dict[int, Resolution] = {}
        self.wanted: list[CapacityWanted] = []
        self.rows: list[tuple[float, int, str, int, int, str, str, str]] = []
        self.timer = float("inf")
        self.sent: list[Outcomes] = []
        self.stopped: list[str] = []
        self._tasks = 0
        self._pilots = 0

    # What users do.

    def pilot(
        self,
        cores: int = 1,
        gpus: int = 0,
        memory: int = 2**30,
        ends_in: float | None = None,
        up: bool = True,
        **more: object,
    ) -> str:
        self._pilots += 1
        name = f"p{self._pilots}"
        self.capacity[name] = Capacity(1, cores, gpus, memory=memory, **more)  # type: ignore[arg-type]
        self.feed(PilotAnnounced(name, self.capacity[name], None if ends_in is None else self.now + ends_in))
        if up:
            self.up(name)
        return name

    def up(self, pilot: str) -> None:
        for index in range(self.capacity[pilot].cores):
            self.worker_up(pilot, f"{pilot}/{index}")

    def worker_up(self, pilot: str, name: str) -> None:
        self.workers[name] = WorkerDouble(pilot, name)
        self.feed(WorkerUp(pilot, name))

    def submit(
        self, count: int = 1, needs: NeedsLike = ONE_CORE, fn: str = "f", name: str | None = None, **key: object
    ) -> int:
        """Submit `count` like tasks; the id of the first."""
        first = self._tasks + 1
        self._tasks += count
        choices = tuple(Choice(variant.needs, fn) for variant in variants(needs))
        ids = list(range(first, first + count))
        self.feed(Submitted(QueueKey(fn, choices, **key), 1, ids, [self.now] * count, name))  # type: ignore[arg-type]
        return first

    def cancel(self, *tasks: int) -> None:
        self.feed(Cancelled(list(tasks)))

    def drain(self, pilot: str) -> None:
        self.feed(PilotDraining(pilot))

    def close(self) -> None:
        self.feed(Closing())

    # What engines and time do.

    def begin(self, worker: str) -> None:
        """The worker begins its next task, and says so."""
        double = self.workers[worker]
        double.running = double.items[0]
        self.feed(Began(double.pilot, worker, *double.running, self.now))

    def finish(self, worker: str, count: int = 1, ok: bool = True, took: float = 0.0, late: bool = False) -> None:
        """The worker reports its next `count` tasks as ended; `late`: the report stays on its way (see `sent`)."""
        double = self.workers[worker]
        items, double.items = double.items[:count], double.items[count:]
        double.running = None
        rows = [(task, attempt, self.now - took, self.now, ok) for task, attempt in items]
        self.sent.append(Outcomes(double.pilot, worker, rows))
        if not late:
            self.feed(self.sent[-1])

    def lose(self, worker: str, cause: str = "killed by SIGKILL", back: bool = True) -> None:
        """The worker dies; by default a new one takes its place."""
        double = self.workers.pop(worker)
        self.feed(WorkerLost(double.pilot, worker, cause))
        if back:
            self.worker_up(double.pilot, worker)

    def end(self, pilot: str, cause: str = "walltime", failed: bool = False) -> None:
        self.ended_pilots.add(pilot)
        for name in [name for name, double in self.workers.items() if double.pilot == pilot]:
            del self.workers[name]
        self.feed(EngineEnded(pilot, cause, failed))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.timer <= self.now:
            self.timer = float("inf")
            self.feed(Timer())

    def run(self, each: float = 0.001) -> None:
        """Let every worker finish what it has until nothing moves any more."""
        for _ in range(100_000):
            busy = [double for double in self.workers.values() if double.items]
            if not busy:
                return
            self.now += each
            self.finish(busy[0].name, took=each)
        raise AssertionError("the schedule does not come to an end")

    # The core's answers.

    def feed(self, *events: Event) -> None:
        for instruction in self.core.handle(events, self.now):
            match instruction:
                case Ship():
                    double = self.workers[instruction.worker]
                    assert len(double.items) <= 1, "a busy worker was given a second bundle"
                    assert not double.doomed, "a worker that is being ended was given a bundle"
                    double.items += instruction.items
                    double.cores, double.gpus = instruction.cores, instruction.gpus
                    self.dispatched += [(task, instruction.worker) for task, _ in instruction.items]
                case Resolve():
                    for resolution in instruction.items:
                        assert resolution.task not in self.resolved, f"task {resolution.task} ended twice"
                        self.resolved[resolution.task] = resolution
                case Revoke():
                    self.asked.append(instruction)
                    if self.prompt:
                        self.answer_revokes()
                case Kill():
                    self.workers[instruction.worker].doomed = True
                case StopPilot():
                    self.stopped.append(instruction.pilot)
                case CapacityWanted():
                    self.wanted.append(instruction)
                case Record():
                    self.rows += instruction.rows
                case SetTimer():
                    self.timer = instruction.at
                case Forget():
                    pass

    def answer_revokes(self) -> None:
        """Workers give back what they were asked for and have not begun."""
        asked, self.asked = self.asked, []
        for revoke in asked:
            if revoke.worker in self.workers:
                self._give_back(revoke)

    def _give_back(self, revoke: Revoke) -> None:
        double = self.workers[revoke.worker]
        taken = [item for item in revoke.items if item in double.items and item != double.running]
        double.items = [item for item in double.items if item not in taken]
        self.feed(Revoked(revoke.pilot, revoke.worker, taken))

    # What tests look at.

    def where(self, task: int) -> str | None:
        """The worker that has the task now."""
        return next((w.name for w in self.workers.values() if any(item[0] == task for item in w.items)), None)

    def state(self, task: int) -> TaskState:
        if task in self.resolved:
            return self.resolved[task].state
        state = self.core.state(task)
        assert state is not None, f"task {task} is lost"
        return state

    def error(self, task: int) -> str:
        return str(self.resolved[task].error)

    def explain(self, task: int) -> str:
        return self.core.explain(task, self.now)
