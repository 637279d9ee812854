"""The core's view of pilots: their nodes, and which bundle is with which worker."""

from __future__ import annotations

from dataclasses import replace

from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.slots import Amounts, Slot
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.latency import Latency
from pilot_quantum.task.needs import Demand, Fit, Needs, demand, fits
from pilot_quantum.task.nodes import Place


class PilotView:
    """One pilot as the scheduler sees it, from its announcement to its end (and after, for error messages)."""

    def __init__(self, pilot: str, capacity: Capacity, ends_at: float | None) -> None:
        self.id = pilot
        self.capacity = capacity
        """What it will offer; a node is there only from NodeUp on."""
        self.ends_at = ends_at
        """When its nodes end that do not say so themselves."""
        self.live = True
        """Whether it takes new tasks, now or once it is up."""
        self.ended = ""
        """Why it has ended, or is draining."""
        self.nodes: dict[int, Place] = {}
        self.leaving: dict[int, Place] = {}
        """Nodes that drain, and on which there may still be something."""
        self.bundles: dict[str, Bundle] = {}
        """worker -> what it has."""
        self.given = 0
        self.latency = Latency()
        self.free = 0
        """Core-slots that are up, free, and on nodes that take new tasks."""
        self._gone: set[int] = set()
        self._largest: Capacity | None = None
        """The most that any of its nodes had, of each kind."""
        self._node_of: dict[str, Place] = {}
        self._fits: dict[Needs, Fit] = {}
        self._suited: dict[Demand, tuple[Place, ...]] = {}
        self._places: dict[Demand, int] = {}

    @property
    def idle(self) -> int:
        """Core-slots that could take a task now."""
        return self.free if self.live else 0

    @property
    def workers(self) -> int:
        """Workers that are up."""
        return len(self._node_of)

    @property
    def known(self) -> Capacity:
        """What it offers, as announced; what nobody knew then, as found on its nodes since."""
        told, found = self.capacity, self._largest
        if found is None:
            return told
        return replace(
            told,
            cores=found.cores if told.cores == LATER else told.cores,
            gpus=found.gpus if told.gpus == LATER else told.gpus,
            qpus=found.qpus if told.qpus == LATER else told.qpus,
            memory=found.memory if told.memory == LATER else told.memory,
            capabilities=told.capabilities | found.capabilities,
            complete=True,
        )

    def fit(self, needs: Needs) -> Fit:
        """Whether `needs` could ever run here: on its nodes, or on those that are still to come."""
        fit = self._fits.get(needs)
        if fit is None:
            fit = self._fits[needs] = self._judge(needs)
        return fit

    def suited(self, wanted: Demand) -> tuple[Place, ...]:
        """The nodes that take new tasks, and could hold (a gang's share of) `wanted` if they were empty."""
        found = self._suited.get(wanted)
        if found is None:
            found = self._suited[wanted] = tuple(
                node
                for node in self._open()
                if node.could_hold(wanted.amounts) and wanted.needs.capabilities <= node.capacity.capabilities
            )
        return found

    def places(self, wanted: Demand) -> int:
        """How many tasks with these needs could run here at once."""
        places = self._places.get(wanted)
        if places is None:
            each = sum(node.places(wanted.amounts) for node in self.suited(wanted))
            places = self._places[wanted] = each // wanted.nodes
        return places

    # Nodes and workers come and go.

    def node_up(self, index: int, capacity: Capacity, host: str, group: str, ends_at: float | None, now: float) -> None:
        """A node is there; one that was lost does not come again, and of one that is there only the end may change."""
        if index in self._gone:
            return
        if index in self.nodes:
            if ends_at is not None:
                self.nodes[index].ends_at = ends_at
            return
        capacity = replace(capacity, nodes=1, capabilities=capacity.capabilities | self.capacity.capabilities)
        self.nodes[index] = Place(index, capacity, host, group, self.ends_at if ends_at is None else ends_at, now)
        most = self._largest or capacity
        self._largest = replace(
            most,
            cores=max(most.cores, capacity.cores),
            gpus=max(most.gpus, capacity.gpus),
            qpus=max(most.qpus, capacity.qpus),
            memory=max(most.memory, capacity.memory),
            capabilities=most.capabilities | capacity.capabilities,
        )
        self.reconsider()

    def node_draining(self, index: int, cause: str) -> Place | None:
        """A node takes no new task from now on; None where that is so already, or the node is gone."""
        node = self.nodes.get(index)
        if node is None or node.draining:
            return None
        node.draining = cause or "draining"
        self.leaving[index] = node
        self.free -= node.idle
        self.reconsider()
        return node

    def node_lost(self, index: int, now: float) -> list[Bundle]:
        """A node is gone with its workers; what ran there, also in part. Slots on other nodes stay taken."""
        self._gone.add(index)
        self.leaving.pop(index, None)
        node = self.nodes.pop(index, None)
        if node is None:
            return []
        if not node.draining:
            self.free -= node.idle
        for worker in [worker for worker, place in self._node_of.items() if place is node]:
            del self._node_of[worker]
        self.reconsider()
        bundles = list(node.bundles.values())
        for bundle in bundles:
            if bundle.slot.node == index:
                self.release(bundle, now)
        return bundles

    def worker_up(self, worker: str, index: int) -> None:
        """`worker` has come up on a node, which must have come up before."""
        node = self.nodes.get(index)
        if node is None:
            if index in self._gone:
                return
            raise AssertionError(f"pilot {self.id}: worker {worker} came up on node {index}, which was never there")
        before = node.idle
        self._node_of[worker] = node
        node.up(worker)
        if not node.draining:
            self.free += node.idle - before

    def worker_down(self, worker: str, now: float) -> Bundle | None:
        """`worker` is gone; what it had, if anything. Its slot is free again."""
        node = self._node_of.pop(worker, None)
        if node is None:
            return None
        before = node.idle
        node.down(worker)
        if not node.draining:
            self.free += node.idle - before
        bundle = self.bundles.get(worker)
        if bundle is not None:
            self.release(bundle, now)
        return bundle

    def gang_of(self, worker: str) -> Bundle | None:
        """The gang for which `worker` is reserved on another node than that of the worker that runs it."""
        node = self._node_of.get(worker)
        for bundle in node.bundles.values() if node else ():
            if any(worker in share.workers for share in bundle.slot.more):
                return bundle
        return None

    def end(self, cause: str, now: float) -> list[Bundle]:
        """The pilot is over, with all its nodes; what ran there."""
        self.live, self.ended = False, cause or "ended"
        bundles = list(self.bundles.values())
        for bundle in bundles:
            self.release(bundle, now)
        for index in list(self.nodes):
            self.node_lost(index, now)
        self.reconsider()
        return bundles

    # Slots.

    def take(self, indexes: tuple[int, ...], amounts: Amounts, prefer: str | None = None) -> Slot:
        """A slot of `amounts` on each of these nodes, where that must be free."""
        self.free -= amounts.cores * len(indexes)
        slot = self.nodes[indexes[0]].take(amounts, prefer)
        if len(indexes) > 1:
            slot = replace(slot, more=tuple(self.nodes[index].take(amounts) for index in indexes[1:]))
        return slot

    def hold(self, bundle: Bundle) -> None:
        """`bundle` is with its worker."""
        self.bundles[bundle.worker] = bundle
        self.given += 1
        slot = bundle.slot
        self.nodes[slot.node].bundles[bundle.worker] = bundle
        for share in slot.more:
            self.nodes[share.node].bundles[bundle.worker] = bundle

    def release(self, bundle: Bundle, now: float) -> None:
        """`bundle` is over: its slot is free, as far as its nodes are still there."""
        slot, worker = bundle.slot, bundle.worker
        del self.bundles[worker]
        for share in slot.shares if slot.more else (slot,):
            node = self.nodes.get(share.node)
            if node is None:
                continue
            freed = node.give(share)
            del node.bundles[worker]
            if not node.draining:
                self.free += freed
            if not node.bundles:
                node.idle_since = now

    def reconsider(self) -> None:
        """Nodes, or what is announced, have changed."""
        self._fits.clear()
        self._suited.clear()
        self._places.clear()

    def _open(self) -> list[Place]:
        return [node for node in self.nodes.values() if not node.draining] if self.live else []

    def _judge(self, needs: Needs) -> Fit:
        there = self._open()
        sizes: dict[str, int] = {}
        wanted = demand(needs)
        for node in self.suited(wanted):
            sizes[node.group] = sizes.get(node.group, 0) + 1
        if max(sizes.values(), default=0) >= needs.nodes:
            return fits(replace(needs, nodes=1), self.suited(wanted)[0].capacity)
        if len(there) < self.capacity.nodes:
            return fits(needs, self.known)
        groups: dict[str, int] = {}
        for node in there:
            groups[node.group] = groups.get(node.group, 0) + 1
        found = (fits(needs, replace(node.capacity, nodes=groups[node.group])) for node in there)
        return min(found, key=lambda fit: fit.shortfall, default=fits(needs, self.known))
