"""What one pilot holds: its allocations, asked for, followed, drained and given back; its state follows theirs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic

from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.allocation import Allocation, pilot_state
from pilot_quantum.resource.allocation_state import ALLOWED, AllocationState
from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.elastic import HOLD, IDLE, Grow, Part, Replace, Shrink, Standing, Step, retry_after
from pilot_quantum.resource.engines.events import (
    CapacityChanged,
    Engine,
    EngineEnded,
    EngineEvent,
    Expiring,
    Keeping,
    Loop,
    NodesDraining,
    NodesLost,
    NodeUp,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.launchers.protocol import Launcher, Request
from pilot_quantum.resource.pilot import Pilot
from pilot_quantum.resource.state import PilotState
from pilot_quantum.resource.units import format_seconds

OVERDUE = 600.0
"""Seconds for a batch system to end an allocation after a warning; a job that it ends may be requeued, ours not."""

_S = AllocationState
_PROVEN = 60.0
"""Seconds after which an allocation that fails does not speak against asking for another at once."""
_TRIES = 3
"""Allocations that may fail, one after the other, before a pilot that never had any fails with them."""
_TOP_DOWN = (_S.SUBMITTED, _S.PENDING, _S.STARTING, _S.RUNNING)


class Holding:
    """One pilot's allocations. Everything runs on the reactor's thread. Implements `AllocationEvents`."""

    def __init__(self, pilot: Pilot, launcher: Launcher, loop: Loop, journal: JournalWriter) -> None:
        self.pilot = pilot
        self.allocations: dict[str, Allocation] = {}
        self._launcher = launcher
        self._loop = loop
        self._journal = journal
        self._numbers = itertools.count(1)
        self._of_node: dict[int, Allocation] = {}
        self._workers: dict[str, int] = {}
        """Workers that are up, and on which node."""
        self._successors: dict[str, str] = {}
        """Allocation -> the one that it replaces, which drains when it is up."""
        self._wanted = pilot.description.nodes
        """Nodes that were asked for, by the description or by `resize`."""
        self._failures = 0
        """Allocations in a row that could not be had, or failed before or soon after they were up."""
        self._retry_at = 0.0
        self._decided: tuple[float, str, str] | None = None
        """When nodes were last asked for or given up, which, and why."""
        self._draining = False
        self._end = PilotState.DONE
        """The state that the pilot enters with the end of its last allocation."""
        self.lasting = pilot.description.max_nodes is not None
        """Whether the pilot lives on without any allocation, because it grows by itself."""

    @property
    def nodes(self) -> int:
        """Nodes that the pilot has or waits for; of an allocation and its successor, those of the successor."""
        replaced = set(self._successors.values())
        return sum(one.wanted for one in self.allocations.values() if one.counts and one.name not in replaced)

    @property
    def over(self) -> bool:
        """Whether the pilot has ended."""
        return self.pilot.state.final

    def engine(self, worker: str) -> Engine:
        """The engine that a worker belongs to (or the last one, for a worker that is gone)."""
        allocation = self._of_node.get(self._workers.get(worker, -1))
        return (allocation or next(reversed(self.allocations.values()))).engine

    # What the manager asks for.

    def launch(self, nodes: int, reason: str) -> str:
        """Ask for one more allocation; its name."""
        name = f"{self.pilot.id}.{next(self._numbers)}"
        request = Request(name, self.pilot.id, self.pilot.description, replace(self.pilot.capacity, nodes=nodes), nodes)
        try:
            engine = self._launcher.launch(request, self)
        except OSError as error:
            self._decide(name, "cannot be launched", str(error))
            self._note_failure()
            self._loop.emit(EngineEnded(self.pilot.id, f"it cannot be launched: {error}", failed=True, allocation=name))
            return name
        self.allocations[name] = Allocation(name, engine, nodes)
        self._decide(name, f"asked for {_nodes(nodes)}", reason)
        self._note(self.allocations[name], _S.SUBMITTED.value, reason)
        self._follow()
        engine.start()
        return name

    def resize(self, nodes: int, reason: str) -> list[EngineEvent]:
        """Have `nodes` nodes, by asking for more and by draining allocations; what the scheduler has to know."""
        if self.over or self._draining:
            return []
        self._wanted = nodes
        events: list[EngineEvent] = []
        for allocation in self._surplus(nodes):
            events += self._drain_one(allocation, reason)
        if nodes > self.nodes:
            self.launch(nodes - self.nodes, reason)
        most = max(nodes, self.pilot.description.max_nodes or 0)
        if most != self.pilot.capacity.nodes:
            self.pilot.capacity = replace(self.pilot.capacity, nodes=most)
            events.append(CapacityChanged(self.pilot.id, self.pilot.capacity))
        self._follow()
        return events

    def give_back(self, nodes: Sequence[int]) -> None:
        """Nodes have drained: end the allocations of which nothing is left."""
        for node in nodes:
            allocation = self._of_node.get(node)
            if allocation is not None and allocation.draining and not allocation.over:
                allocation.empty.add(node)
                if allocation.empty >= allocation.nodes and not allocation.expiring:
                    self._leave(allocation, allocation.draining)

    def drain(self) -> bool:
        """Take no new task; False where the pilot has ended or is ending already."""
        if self._draining or self.over:
            return False
        self._draining = True
        self._follow()
        return True

    def end(self, cause: str, state: PilotState = PilotState.DONE) -> None:
        """End everything now; the pilot ends in `state`. Results that are kept there are saved, but when cancelled."""
        if self.over:
            return
        if state is not PilotState.DONE:
            self._end = state
        self.lasting = False
        live = [one for one in self.allocations.values() if not one.over]
        for allocation in live:
            if state is PilotState.CANCELLED:
                self._stop(allocation, cause)
            else:
                self._leave(allocation, cause)
        if not live:
            self._loop.emit(EngineEnded(self.pilot.id, cause))

    def standing(self, idle: Mapping[tuple[str, int], float]) -> Standing:
        """The pilot as the rules of elasticity see it; `idle` as the scheduler tells."""
        description = self.pilot.description
        parts = [
            Part(
                allocation=one.name,
                nodes=one.wanted,
                up=one.state is _S.RUNNING,
                idle_since=self._idle_since(one, idle),
                ends_at=one.ends_at,
                replaced=one.name in self._successors.values(),
                length=one.length,
            )
            for one in self.allocations.values()
            if one.counts
        ]
        bound = description.max_nodes is not None
        return Standing(
            pilot=self.pilot.id,
            capacity=self.pilot.capacity,
            least=description.least_nodes if bound else self._wanted,
            most=description.most_nodes if bound else self._wanted,
            parts=parts,
            hold=HOLD if description.hold is None else description.hold,
            idle_timeout=IDLE if description.idle_timeout is None else description.idle_timeout,
            replace_before=description.replace_before,
            retry_at=self._retry_at,
        )

    def take(self, step: Step) -> list[EngineEvent]:
        """Carry out a step of elasticity; what the scheduler has to know."""
        if self.over or self._draining:
            return []
        match step:
            case Grow():
                self.launch(step.nodes, f"grow: {step.reason}")
            case Replace():
                successor = self.launch(step.nodes, f"replace: {step.reason}")
                if successor in self.allocations:  # else it was refused, and is asked for again later
                    self._successors[successor] = step.allocation
            case Shrink():
                return self._drain_one(self.allocations[step.allocation], f"shrink: {step.reason}")
        return []

    def story(self, now: float) -> str:
        """What the pilot's allocations wait for, and what was decided about them last."""
        live = [one for one in self.allocations.values() if not one.over]
        told = [words for one in live if (words := _story(one, now))]
        if self.lasting and not live:
            hold = HOLD if self.pilot.description.hold is None else self.pilot.description.hold
            told.append(f"it has no nodes now, and asks for some when work has waited for {format_seconds(hold)}")
        if self._decided is not None and (told or self.grows or len(self.allocations) > 1):
            at, what, why = self._decided
            told.append(f"{what} {format_seconds(max(0.0, now - at))} ago ({why})")
        if now < self._retry_at and self.grows:
            told.append(f"nothing more is asked for within {format_seconds(self._retry_at - now)}, for that failed")
        return "; ".join(told)

    # What launchers tell (`AllocationEvents`).

    def moved(self, allocation: str, state: AllocationState, cause: str = "") -> None:
        """The batch system says in which state an allocation is."""
        one = self.allocations.get(allocation)
        if one is None or one.over or state is _S.ENDED:
            return
        if state is _S.RUNNING and not any(node in one.nodes for node in self._workers.values()):
            state = _S.STARTING  # the job runs; the pilot is active with its first worker
        news = one.state is not state or (cause and cause != one.told)
        if state is _S.PENDING and one.expiring:
            one.draining, one.expiring = "", False  # requeued: what was said of its last run is over
        elif state is _S.PENDING and one.draining:
            self._stop(one, one.draining)  # requeued while we were giving it up
            if one.over:
                return
        if state is _S.PENDING:
            one.up_at = one.ends_at = one.length = None
        self._move(one, state)
        if news:
            one.told = cause
            self._note(one, state.value, cause)
        self._follow(cause)

    def ended(self, allocation: str, cause: str, failed: bool) -> None:
        """The batch system says that an allocation is over."""
        self._loop.emit(EngineEnded(self.pilot.id, cause, failed, allocation))

    # What engines report.

    def observe(self, event: EngineEvent) -> Sequence[EngineEvent]:
        """Follow an engine's event; what the scheduler has to know of it."""
        match event:
            case NodeUp():
                return self._node_up(event)
            case WorkerUp():
                self._worker_up(event)
            case WorkerLost():
                allocation = self._of_node.get(self._workers.pop(event.worker, -1))
                self._journal.worker_row(monotonic(), self.pilot.id, event.worker, "lost", 0, event.cause)
                if allocation is not None and allocation.expiring:
                    return (replace(event, charged=False),)  # a batch system signals all processes of a job
            case NodesLost():
                warned = any(
                    node in one.nodes for one in self.allocations.values() if one.expiring for node in event.nodes
                )
                self._forget(event.nodes, event.cause)
                if warned:
                    return (replace(event, charged=False),)
            case Expiring():
                return self._expiring(event)
            case EngineEnded():
                return self._engine_ended(event)
        return (event,)

    def _node_up(self, event: NodeUp) -> Sequence[EngineEvent]:
        allocation = self._allocation(event.group)
        if allocation is None or allocation.over:
            return ()
        allocation.nodes.add(event.node)
        self._of_node[event.node] = allocation
        self.pilot.nodes = len(self._of_node)
        self.pilot.site = event.site or self.pilot.site
        if event.ends_at is not None:
            allocation.ends_at = event.ends_at
            allocation.length = allocation.length or event.ends_at - monotonic()
        known = replace(event, group=allocation.name, ends_at=allocation.ends_at)
        return (*self._learn(event.capacity), known, *self._succeed(allocation))

    def _succeed(self, allocation: Allocation) -> Sequence[EngineEvent]:
        """Drain the allocation in whose place this one has come, once all of its nodes are there."""
        old = self.allocations.get(self._successors.get(allocation.name, ""))
        if old is None or not old.counts or len(allocation.nodes) < allocation.wanted:
            return ()
        return self._drain_one(old, f"replaced by {allocation.name}")

    def _idle_since(self, allocation: Allocation, idle: Mapping[tuple[str, int], float]) -> float | None:
        """Since when nothing has run on any of its nodes."""
        times = [idle.get((self.pilot.id, node)) for node in allocation.nodes]
        known = [time for time in times if time is not None]
        return max(known) if known and len(known) == len(times) else None

    def _learn(self, found: Capacity) -> Sequence[EngineEvent]:
        """What was announced as not known yet is known with the first node."""
        told = self.pilot.capacity
        now = Capacity(
            told.nodes,
            found.cores if told.cores == LATER else told.cores,
            found.gpus if told.gpus == LATER else told.gpus,
            found.qpus if told.qpus == LATER else told.qpus,
            found.memory if told.memory == LATER else told.memory,
            told.capabilities | found.capabilities,
        )
        if now == told:
            return ()
        self.pilot.capacity = now
        return (CapacityChanged(self.pilot.id, now),)

    def _worker_up(self, event: WorkerUp) -> None:
        allocation = self._of_node.get(event.node)
        if allocation is None:
            return
        self._workers[event.worker] = event.node
        self._journal.worker_row(monotonic(), self.pilot.id, event.worker, "up", event.pid, "")
        if allocation.state is not _S.RUNNING and not allocation.over:
            self._move(allocation, _S.RUNNING)
            allocation.up_at = allocation.up_at or monotonic()
            self._note(allocation, _S.RUNNING.value, "")
            self._follow()

    def _expiring(self, event: Expiring) -> Sequence[EngineEvent]:
        allocation = self._allocation(event.allocation)
        if allocation is None or not allocation.counts:
            return ()
        if self.pilot.description.scheme in ("slurm", "pbs"):
            allocation.expiring, allocation.warnings = True, allocation.warnings + 1
            number = allocation.warnings
            self._loop.call_later(OVERDUE, lambda: self._overdue(allocation, number))
        return self._drain_one(allocation, event.cause)

    def _overdue(self, allocation: Allocation, warning: int) -> None:
        """The batch system has neither ended the allocation nor taken it back: it is ours to end, when it is empty."""
        if allocation.expiring and allocation.warnings == warning and not allocation.over:
            allocation.expiring = False
            if allocation.empty >= allocation.nodes:
                self._leave(allocation, allocation.draining)

    def _drain_one(self, allocation: Allocation, cause: str) -> list[EngineEvent]:
        self._decide(allocation.name, "drain", cause)
        self._note(allocation, "draining", cause)
        allocation.draining = cause
        if allocation.nodes:
            return [NodesDraining(self.pilot.id, sorted(allocation.nodes), cause)]
        self._stop(allocation, cause)
        return []

    def _engine_ended(self, event: EngineEnded) -> Sequence[EngineEvent]:
        """An allocation is over; and the pilot, when it was the last."""
        allocation = self._allocation(event.allocation)
        if allocation is not None and not allocation.over:
            nodes = self._end_one(allocation, event)
        elif event.allocation in self.allocations:
            return ()  # said already
        else:
            nodes = []  # of an allocation that could not be had, or of the pilot itself
        alive = any(not one.over for one in self.allocations.values())
        if self.over or alive or (self.lasting and not self._hopeless):
            self._follow(event.cause)
            return (NodesLost(event.pilot, nodes, event.cause),) if nodes else ()
        self.lasting = False
        if event.failed and self._end is PilotState.DONE:
            self._end = PilotState.FAILED
        self._follow(event.cause)
        return (EngineEnded(event.pilot, event.cause, event.failed),)

    def _end_one(self, allocation: Allocation, event: EngineEnded) -> list[int]:
        """Forget an allocation; its nodes."""
        stood = 0.0 if allocation.up_at is None else monotonic() - allocation.up_at
        if event.failed and stood < _PROVEN:
            self._note_failure()
        elif allocation.up_at is not None:
            self._failures = 0
        self._successors.pop(allocation.name, None)
        nodes = sorted(allocation.nodes)
        self._forget(nodes, event.cause, "ended")
        self._move(allocation, _S.ENDED)
        self._note(allocation, _S.ENDED.value, event.cause)
        self._launcher.cancel(allocation.name)
        return nodes

    @property
    def _hopeless(self) -> bool:
        """Whether a pilot that lives on with nothing never had anything: nobody would hear of what is wrong with it."""
        return self._failures >= _TRIES and all(one.up_at is None for one in self.allocations.values())

    # Helpers.

    @property
    def grows(self) -> bool:
        """Whether the pilot changes by itself."""
        return self.pilot.description.max_nodes is not None or self.pilot.description.replace_before is not None

    def _decide(self, subject: str, decision: str, reason: str) -> None:
        """Keep a decision, with its reason."""
        self._decided = monotonic(), f"{subject}: {decision}", reason
        self._journal.decision_row(self._decided[0], subject, decision, reason)

    def _note(self, allocation: Allocation, state: str, cause: str) -> None:
        """Keep what an allocation has come to."""
        self._journal.allocation_row(monotonic(), self.pilot.id, allocation.name, state, allocation.wanted, cause)

    def _note_failure(self) -> None:
        self._failures += 1
        self._retry_at = monotonic() + retry_after(self._failures)

    def _allocation(self, name: str) -> Allocation | None:
        """The allocation of that name; the only one where an engine does not know its name."""
        return self.allocations.get(name) if name else next(iter(self.allocations.values()), None)

    def _surplus(self, nodes: int) -> list[Allocation]:
        """Allocations to give up so that at most `nodes` nodes are left: those that wait first, then the youngest.

        One that is no larger than what is too much comes before one that is; with a successor goes what it replaces.
        """
        replaced = set(self._successors.values())
        rest = [one for one in reversed(self.allocations.values()) if one.counts and one.name not in replaced]
        rest.sort(key=lambda one: bool(one.nodes))
        surplus: list[Allocation] = []
        excess = self.nodes - nodes
        while excess > 0 and rest:
            fitting = [one for one in rest if one.wanted <= excess]
            chosen = fitting[0] if fitting else min(rest, key=lambda one: one.wanted)
            rest.remove(chosen)
            excess -= chosen.wanted
            old = self.allocations.get(self._successors.get(chosen.name, ""))
            surplus += [one for one in (chosen, old) if one is not None and one.counts]
        return surplus

    def _leave(self, allocation: Allocation, cause: str) -> None:
        """End an allocation, once the results that are kept there have been brought to the session."""
        engine = allocation.engine
        if isinstance(engine, Keeping):
            engine.hand_over(lambda: self._stop(allocation, cause))
        else:
            self._stop(allocation, cause)

    def _stop(self, allocation: Allocation, cause: str) -> None:
        allocation.engine.stop(cause)
        self._launcher.cancel(allocation.name)

    def _forget(self, nodes: Sequence[int], cause: str, how: str = "lost") -> None:
        for node in nodes:
            allocation = self._of_node.pop(node, None)
            if allocation is not None:
                allocation.nodes.discard(node)
        self.pilot.nodes = len(self._of_node)
        gone = set(nodes)
        for worker in sorted(worker for worker, node in self._workers.items() if node in gone):
            del self._workers[worker]
            self._journal.worker_row(monotonic(), self.pilot.id, worker, how, 0, cause)

    def _move(self, allocation: Allocation, state: AllocationState) -> None:
        """Into `state`, through those between that nobody has seen."""
        if allocation.state is state:
            return
        if state in _TOP_DOWN and allocation.state in _TOP_DOWN:
            at, to = _TOP_DOWN.index(allocation.state), _TOP_DOWN.index(state)
            for between in _TOP_DOWN[at + 1 : to]:
                if between in ALLOWED[allocation.state] and state not in ALLOWED[allocation.state]:
                    allocation.move(between)
        allocation.move(state)

    def _follow(self, cause: str = "") -> None:
        """Bring the pilot into the state that its allocations imply."""
        states = [allocation.state for allocation in self.allocations.values()]
        state = pilot_state(states, self._draining, self._end) if states else self._end
        if state.final and self.lasting:
            state = PilotState.DRAINING if self._draining else PilotState.QUEUED
        if state is not self.pilot.state:
            self.pilot.move(state, cause)


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _story(allocation: Allocation, now: float) -> str:
    """One allocation that is not simply there."""
    since = format_seconds(max(0.0, now - allocation.since))
    if allocation.draining:
        return f"{allocation.name} ({_nodes(allocation.wanted)}) is draining ({allocation.draining})"
    if allocation.state is _S.RUNNING:
        return ""
    words = f" ({allocation.told})" if allocation.told else ""
    return f"{allocation.name} ({_nodes(allocation.wanted)}) is {allocation.state} for {since}{words}"
