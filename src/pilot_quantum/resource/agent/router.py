"""The engine `processes` over several nodes: each worker's words go to the engine of its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pilot_quantum.resource.engines.events import Engine, Shipment


class Router:
    """Implements `Engine` over one engine for each node. The agent starts and ends those of nodes other than `own`."""

    def __init__(self, engines: Mapping[int, Engine], own: int) -> None:
        self._engines = engines
        self._own = own

    def start(self) -> None:
        """Start the own node's engine; the others' start with their agents."""
        self._engines[self._own].start()

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker."""
        self._of(shipment.worker).ship(shipment)

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Take back what has not begun."""
        self._of(worker).revoke(worker, items)

    def kill(self, worker: str, cause: str) -> None:
        """End a worker's process."""
        self._of(worker).kill(worker, cause)

    def stop(self, cause: str) -> None:
        """End the own node's engine."""
        self._engines[self._own].stop(cause)

    def _of(self, worker: str) -> Engine:
        return self._engines[node_of(worker)]


def node_of(worker: str) -> int:
    """The node in a worker's name, "PILOT/NODE.CORE"."""
    return int(worker.rpartition("/")[2].partition(".")[0])
