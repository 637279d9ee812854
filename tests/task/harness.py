"""Drives the scheduler's core without threads, sockets or a clock: time moves when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    NodesDraining,
    NodesLost,
    NodeUp,
    Outcomes,
    Revoked,
    WorkerLost,
    WorkerUp,
)
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
    StopNodes,
    StopPilot,
)
from pilot_quantum.task.needs import Needs, NeedsLike, variants
from pilot_quantum.task.policy import Policy
from pilot_quantum.task.queues import Choice, QueueKey
from pilot_quantum.task.state import TaskState

ONE_CORE = Needs()


@dataclass
class WorkerDouble:
    """What a worker has, in the order of running; the first may be `running`. A gang's other nodes: `nodes[1:]`."""

    pilot: str
    name: str
    node: int = 0
    cores: int = 0
    gpus: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()
    function: str = ""
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
        self.nodes: dict[tuple[str, int], NodeUp] = {}
        """Those that are up, by (pilot, index)."""
        self.given_back: list[tuple[str, int]] = []
        self.draining_nodes: set[tuple[str, int]] = set()
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
        nodes: int = 1,
        group: str = "",
        **more: object,
    ) -> str:
        """Add a pilot, of one group of nodes; `up`: they and their workers are there at once."""
        self._pilots += 1
        name = f"p{self._pilots}"
        self.capacity[name] = Capacity(nodes, cores, gpus, memory=memory, **more)  # type: ignore[arg-type]
        self.feed(PilotAnnounced(name, self.capacity[name], None if ends_in is None else self.now + ends_in))
        for index in range(nodes if up else 0):
            self.node_up(name, index, group)
        return name

    def up(self, pilot: str) -> None:
        """Bring up all of its nodes that have never been there, with their workers."""
        for index in range(self.capacity[pilot].nodes):
            self.node_up(pilot, index)

    def node_up(
        self, pilot: str, index: int, group: str = "", capacity: Capacity | None = None, ends_in: float | None = None
    ) -> None:
        capacity = capacity or self.capacity[pilot]
        ends_at = None if ends_in is None else self.now + ends_in
        up = self.nodes[pilot, index] = NodeUp(pilot, index, capacity, group=group, ends_at=ends_at)
        self.feed(up)
        for core in range(capacity.cores):
            self.worker_up(pilot, self.worker_name(pilot, index, core), index)

    def worker_up(self, pilot: str, name: str, node: int = 0) -> None:
        if (pilot, node) not in self.nodes:
            self.nodes[pilot, node] = NodeUp(pilot, node, self.capacity[pilot])
            self.feed(self.nodes[pilot, node])
        self.workers[name] = WorkerDouble(pilot, name, node)
        self.feed(WorkerUp(pilot, name, node=node))

    @staticmethod
    def worker_name(pilot: str, node: int, core: int) -> str:
        """As engines name them: those of the first node are numbered, others name their node too."""
        return f"{pilot}/{core}" if node == 0 else f"{pilot}/{node}.{core}"

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

    def drain_nodes(self, pilot: str, *nodes: int, cause: str = "walltime") -> None:
        self.draining_nodes.update((pilot, node) for node in nodes)
        self.feed(NodesDraining(pilot, nodes, cause))

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

    def lose(self, worker: str, cause: str = "killed by SIGKILL", back: bool = True, charged: bool = True) -> None:
        """The worker dies; by default a new one takes its place."""
        double = self.workers.pop(worker)
        self.feed(WorkerLost(double.pilot, worker, cause, charged))
        if back and (double.pilot, double.node) in self.nodes:
            self.worker_up(double.pilot, worker, double.node)

    def lose_nodes(self, pilot: str, *nodes: int, cause: str = "node failure", charged: bool = False) -> None:
        """Nodes go, with their workers and all that these have."""
        for name in [w.name for w in self.workers.values() if w.pilot == pilot and w.node in nodes]:
            del self.workers[name]
        for node in nodes:
            self.nodes.pop((pilot, node), None)
        self.feed(NodesLost(pilot, nodes, cause, charged))

    def end(self, pilot: str, cause: str = "walltime", failed: bool = False) -> None:
        self.ended_pilots.add(pilot)
        for name in [name for name, double in self.workers.items() if double.pilot == pilot]:
            del self.workers[name]
        for key in [key for key in self.nodes if key[0] == pilot]:
            del self.nodes[key]
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
                    self._ship(instruction)
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
                case StopNodes():
                    for node in instruction.nodes:
                        assert (instruction.pilot, node) not in self.given_back, "a node was given back twice"
                        self.given_back.append((instruction.pilot, node))
                case CapacityWanted():
                    self.wanted.append(instruction)
                case Record():
                    self.rows += instruction.rows
                case SetTimer():
                    self.timer = instruction.at
                case Forget():
                    pass

    def _ship(self, ship: Ship) -> None:
        double = self.workers[ship.worker]
        assert not double.doomed, "a worker that is being ended was given a bundle"
        place = (ship.cores, ship.gpus, ship.nodes, ship.function)
        if double.items:
            assert place == (double.cores, double.gpus, double.nodes, double.function), "a busy worker was given others"
        double.cores, double.gpus, double.nodes, double.function = place
        double.items += ship.items
        self.dispatched += [(task, ship.worker) for task, _ in ship.items]
        for node in ship.nodes or (double.node,):
            assert (ship.pilot, node) not in self.draining_nodes, "a node that drains was given a task"
        if ship.nodes:
            assert ship.nodes[0] == double.node, "a gang is led from its first node"
            assert len(set(ship.nodes)) == len(ship.nodes)
            assert len({self.nodes[ship.pilot, node].group for node in ship.nodes}) == 1, "a gang was torn apart"

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
