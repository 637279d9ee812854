"""The engine itself: which actor stands for which worker, what each one has, and what its end means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pilot_quantum.resource.agent.blobs import Left, Sent
from pilot_quantum.resource.agent.hosts import Host, places
from pilot_quantum.resource.agent.messages import Blob, Drop
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    NodesLost,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.engines.ray import messages
from pilot_quantum.resource.engines.ray.cluster import Cluster, RunningLoop

STILLBORN = 3
"""Actors of one worker that may end before they are ready, one after the other, before the engine gives up."""
PAUSE = 1.5
"""Seconds before such an actor is replaced: should its whole node be gone, that is known by then."""
PATIENCE = 120.0
"""Seconds in which the first worker must be ready."""


class RowsLoop(RunningLoop, Protocol):
    """A loop that takes what attempts left with the bytes that they printed."""

    def deliver_rows(self, rows: Sequence[messages.Row]) -> None:
        """Hand over what attempts left, before the Outcomes that speak of them."""


class _Slot:
    """One worker: the actor that stands for it now, and what that has."""

    def __init__(self, worker: str, host: Host) -> None:
        self.worker = worker
        self.host = host
        self.actor = 0
        self.mark = ""
        self.ready = False
        self.announced = False
        """Whether it has been up and is not known to be lost."""
        self.stillborn = 0
        self.doomed = ""
        """Why we are ending its actor, if we are."""
        self.gpus: str | None = None
        """GPUs that its process has seen; None until its first task."""
        self.functions: set[str] = set()
        self.blobs = Sent()
        """Large arguments that its process has, where it is on another host than the engine."""
        self.forgotten: list[Drop] = []
        """What it may forget of them with the next bundle."""
        self.bundles = 0
        self.unheard: dict[int, None] = {}
        """Bundles, in their order, of whose ends nothing has been heard."""
        self.carried: dict[tuple[int, int], int] = {}
        """What it has and has not reported: (task, attempt), and in which bundle."""
        self.nodes: tuple[int, ...] = ()
        """The nodes of the gang that it leads, or last led."""

    def renew(self, actor: int, mark: str) -> None:
        """Another actor takes its place."""
        self.actor, self.mark = actor, mark
        self.ready, self.doomed, self.gpus = False, "", None
        self.functions, self.carried, self.nodes = set(), {}, ()
        self.blobs, self.forgotten = Sent(), []
        self.bundles, self.unheard = 0, {}


class RayEngine:
    """Runs the tasks of one pilot in a Ray cluster of its own on `hosts`. Implements `Engine`."""

    def __init__(self, pilot: str, hosts: Sequence[Host], loop: RowsLoop) -> None:
        self._pilot = pilot
        self._hosts = list(hosts)
        self._loop = loop
        self._slots = {
            worker: _Slot(worker, host)
            for host in hosts
            for worker in (f"{pilot}/{host.node}.{core}" for core in range(host.inventory.cores))
        }
        self._actors: dict[int, _Slot] = {}
        self._count = 0
        self._gone: set[int] = set()
        """Nodes that have left the cluster."""
        self._was_up = False
        self._over = False
        self._cluster = Cluster(hosts, loop, self._take, self._node_ended, self._cluster_ended)

    def start(self) -> None:
        """Bring up the cluster, and its actors as its nodes join."""
        self._cluster.start()
        self._spawn_on(self._hosts[:1])
        self._loop.call_later(PATIENCE, self._check_start)

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker; a worker whose process has seen other GPUs gets a new process first."""
        slot = self._slots.get(shipment.worker)
        if slot is None or self._over:
            return  # it has just been lost, and its event is on its way
        devices = slot.host.inventory.gpus
        gpus = ",".join(devices[index] for index in shipment.gpus)
        if slot.gpus is not None and slot.gpus != gpus:
            self._actors.pop(slot.actor, None)
            self._cluster.send(messages.End(slot.actor))
            slot.host.sweep(slot.mark)
            self._spawn(slot)
        slot.gpus = gpus
        slot.nodes = shipment.nodes
        slot.bundles += 1
        slot.unheard[slot.bundles] = None
        blob = None
        if shipment.function not in slot.functions:
            slot.functions.add(shipment.function)
            blob = self._loop.function(shipment.function)
        for parcel in shipment.parcels:
            slot.carried[parcel[:2]] = slot.bundles
        rows, large, first = list(shipment.parcels), list[Left](), list[Blob | Drop]()
        if slot.host is not self._hosts[0]:  # on this host it finds large arguments where the agent has them
            rows, large, blobs = slot.blobs.split(rows)
            # What may be forgotten is told before what is new: nothing of this bundle is among it.
            first += [*slot.forgotten, *blobs]
            drop = slot.blobs.settle()
            slot.forgotten = [] if drop is None else [drop]
        bundle = messages.Bundle(
            slot.bundles,
            next(iter(slot.unheard)) - 1,
            shipment.function,
            blob,
            shipment.cores,
            gpus,
            places(self._hosts, shipment.nodes),
            rows,
            large,
            first,
        )
        self._cluster.send(messages.Run(slot.actor, messages.encode(bundle)))

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Ask for tasks back that have not begun."""
        slot = self._slots.get(worker)
        if slot is not None:
            known = [(slot.carried[item], *item) for item in items if item in slot.carried]
            self._cluster.send(messages.Withdraw(slot.actor, known))

    def kill(self, worker: str, cause: str) -> None:
        """End a worker's process and all that it started; a new one takes its place."""
        slot = self._slots.get(worker)
        if slot is not None and not slot.doomed:
            slot.doomed = cause
            self._cluster.send(messages.End(slot.actor))

    def stop(self, cause: str) -> None:
        """End the cluster."""
        self._end(cause, failed=False)

    def _spawn_on(self, hosts: Sequence[Host]) -> None:
        for slot in list(self._slots.values()):
            if slot.host in hosts:
                self._spawn(slot)

    def _spawn(self, slot: _Slot) -> None:
        """Another actor for a worker."""
        if self._over or slot.host.node in self._gone or slot.host.lost or slot.host.node not in self._cluster.marks:
            return
        self._count += 1
        slot.renew(self._count, f"{self._cluster.marks[slot.host.node]}/{slot.worker}/{self._count}")
        self._actors[slot.actor] = slot
        directory = str(slot.host.directory)
        self._cluster.send(messages.Spawn(slot.actor, slot.host.node, slot.mark, directory))

    def _take(self, message: messages.FromDriver) -> None:
        if isinstance(message, messages.Cluster):
            self._cluster.join(message.address)
            self._spawn_on(self._hosts[1:])
            return
        if isinstance(message, messages.Failed):
            self._end(message.why, failed=True)
            return
        slot = self._actors.get(message.actor)
        if slot is None:
            return  # of an actor that has been replaced
        if isinstance(message, messages.Said):
            self._report(slot, messages.decode_report(message.report))
        elif isinstance(message, messages.Withdrawn):
            for item in message.items:
                slot.carried.pop(item, None)
            self._loop.emit(Revoked(self._pilot, slot.worker, message.items))
        elif isinstance(message, messages.Ready):
            slot.ready = slot.announced = self._was_up = True
            slot.stillborn = 0
            self._loop.emit(WorkerUp(self._pilot, slot.worker, message.pid, slot.host.node))
        else:
            self._died(slot, message.how)

    def _report(self, slot: _Slot, report: messages.Report) -> None:
        offset = slot.host.clock_offset
        slot.unheard.pop(report.bundle, None)
        rows = [row for row in report.rows if slot.carried.pop(row[0][:2], None) is not None]
        if offset:
            rows = [((*row[0][:2], row[0][2] + offset, row[0][3] + offset, row[0][4]), *row[1:]) for row in rows]
        if rows:
            self._loop.deliver_rows(rows)
            self._loop.emit(Outcomes(self._pilot, slot.worker, [row[0] for row in rows]))
        # The report of a bundle's end may overtake the one of its last task's beginning.
        if report.began is not None and report.began[:2] in slot.carried:
            task, attempt, at = report.began
            self._loop.emit(Began(self._pilot, slot.worker, task, attempt, at + offset))

    def _died(self, slot: _Slot, how: str) -> None:
        self._actors.pop(slot.actor, None)
        slot.host.sweep(slot.mark)  # what its tasks started and has outlived it
        for node in self._hosts:
            if node.node in slot.nodes and node is not slot.host:
                node.sweep(slot.mark)
        if slot.announced:
            slot.announced = False
            self._loop.emit(WorkerLost(self._pilot, slot.worker, slot.doomed or how))
        if slot.ready or slot.doomed:
            self._spawn(slot)
            return
        slot.stillborn += 1
        actor = slot.actor

        def again() -> None:
            if slot.actor != actor or slot.host.node in self._gone:
                return
            if slot.stillborn >= STILLBORN:
                self._end(f"worker {slot.worker} cannot start: {how}", failed=True)
            else:
                self._spawn(slot)

        self._loop.call_later(PAUSE, again)

    def _node_ended(self, host: Host, how: str) -> None:
        """A node that is not the head's is no longer in the cluster."""
        self._gone.add(host.node)
        for slot in [slot for slot in self._slots.values() if slot.host is host]:
            del self._slots[slot.worker]
            self._actors.pop(slot.actor, None)
            if slot.mark:
                host.sweep(slot.mark)
            if slot.announced:
                self._loop.emit(WorkerLost(self._pilot, slot.worker, how))
        if not host.lost:
            self._loop.emit(NodesLost(self._pilot, [host.node], how))

    def _cluster_ended(self, how: str) -> None:
        self._end(how, failed=True)

    def _check_start(self) -> None:
        if not self._was_up:
            self._end(f"no worker was ready within {PATIENCE:.0f} s of its start", failed=True)

    def _end(self, cause: str, failed: bool) -> None:
        if self._over:
            return
        self._over = True
        self._actors.clear()
        for slot in self._slots.values():
            if slot.mark:
                slot.host.sweep(slot.mark)
        self._cluster.close(lambda: self._loop.emit(EngineEnded(self._pilot, cause, failed)))
