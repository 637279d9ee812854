"""Pilots, nodes and workers come and go: what that does to the ledgers and to the tasks that are there."""

from __future__ import annotations

from collections.abc import Callable

from pilot_quantum.resource.engines.events import (
    CapacityChanged,
    EngineEnded,
    NodesDraining,
    NodesLost,
    NodeUp,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.task.events import PilotAnnounced, PilotDraining
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.placement import Placement
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.returns import Returns


class Roster:
    """Follows events about capacity. `rejudge` is called when what could ever run may have changed."""

    def __init__(
        self,
        pilots: dict[str, PilotView],
        placement: Placement,
        returns: Returns,
        outbox: Outbox,
        rejudge: Callable[[], None],
    ) -> None:
        self._pilots = pilots
        self._placement = placement
        self._returns = returns
        self._outbox = outbox
        self._rejudge = rejudge

    def announced(self, event: PilotAnnounced) -> None:
        """A pilot has been asked for: tasks may wait for it."""
        self._pilots[event.pilot] = PilotView(event.pilot, event.capacity, event.ends_at)
        self._rejudge()

    def capacity_changed(self, event: CapacityChanged) -> None:
        """A pilot will offer something else than was announced."""
        pilot = self._pilots[event.pilot]
        pilot.capacity = event.capacity
        pilot.reconsider()
        self._rejudge()

    def node_up(self, event: NodeUp) -> None:
        """A node is there, without workers yet."""
        pilot = self._pilots[event.pilot]
        if not pilot.ended:
            pilot.node_up(event.node, event.capacity, event.host, event.group, event.ends_at, self._outbox.now)
            self._rejudge()

    def nodes_draining(self, event: NodesDraining) -> None:
        """What has not begun there goes elsewhere."""
        pilot = self._pilots[event.pilot]
        for index in event.nodes:
            node = pilot.node_draining(index, event.cause)
            if node is None:
                continue
            self._placement.forget(pilot.id, index)
            for bundle in node.bundles.values():
                self._outbox.revoke_tail(bundle, bundle.unbegun)
        self._rejudge()
        self._returns.settle(pilot)

    def nodes_lost(self, event: NodesLost) -> None:
        """What ran there waits again; a gang whose first worker is elsewhere is ended there."""
        pilot = self._pilots[event.pilot]
        words = f"{'node' if len(event.nodes) == 1 else 'nodes'} lost: {event.cause}"
        for index in event.nodes:
            for bundle in pilot.node_lost(index, self._outbox.now):
                self._returns.lose(bundle, words, event.charged)
                if bundle.worker in pilot.bundles:
                    self._outbox.kill(bundle, words)
            self._placement.forget(pilot.id, index)
        self._rejudge()
        self._returns.settle(pilot)

    def worker_up(self, event: WorkerUp) -> None:
        """A core-slot is there (again)."""
        pilot = self._pilots[event.pilot]
        if not pilot.ended:
            pilot.worker_up(event.worker, event.node)

    def worker_lost(self, event: WorkerLost) -> None:
        """Its bundle has lost its place; so has the gang for which it was reserved, unless that runs on its node."""
        pilot = self._pilots[event.pilot]
        words = f"worker {event.worker} lost: {event.cause}"
        gang = pilot.gang_of(event.worker)
        bundle = pilot.worker_down(event.worker, self._outbox.now)
        if bundle is not None:
            self._returns.lose(bundle, words, event.charged)
        if gang is not None and not gang.ending:
            self._returns.lose(gang, words, event.charged)
            self._outbox.kill(gang, words)
        self._returns.settle(pilot)

    def pilot_draining(self, event: PilotDraining) -> None:
        """The whole pilot takes no new task, and ends when it has none."""
        pilot = self._pilots[event.pilot]
        if not pilot.live:
            return
        pilot.live = False
        pilot.reconsider()
        self._rejudge()
        for bundle in pilot.bundles.values():
            self._outbox.revoke_tail(bundle, bundle.unbegun)
        for index in pilot.nodes:
            self._placement.forget(pilot.id, index)
        self._returns.settle(pilot)

    def engine_ended(self, event: EngineEnded) -> None:
        """The pilot has ended; nobody pays."""
        pilot = self._pilots[event.pilot]
        if pilot.ended:
            return
        for index in pilot.nodes:
            self._placement.forget(pilot.id, index)
        for bundle in pilot.end(event.cause, self._outbox.now):
            self._returns.take_back(bundle, f"pilot {pilot.id} ended: {pilot.ended}")
        self._rejudge()
