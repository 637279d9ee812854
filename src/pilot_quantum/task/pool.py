"""The core's view of pilots: their ledgers, and which bundle is with which worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.slots import Amounts, Node, Slot
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.needs import Fit, Needs, fits


class PilotView:
    """One pilot as the scheduler sees it, from its announcement to its end (and after, for error messages)."""

    def __init__(self, pilot: str, capacity: Capacity, ends_at: float | None) -> None:
        self.id = pilot
        self.capacity = capacity
        self.ends_at = ends_at
        self.live = True
        """Whether it takes new tasks, now or once it is up."""
        self.ended = ""
        """Why it has ended, or is draining."""
        self.nodes = [Node(index, capacity) for index in range(capacity.nodes)]
        self.bundles: dict[str, Bundle] = {}
        """worker -> what it has."""
        self.given = 0
        self._node_of: dict[str, Node] = {}
        self._fits: dict[Needs, Fit] = {}

    @property
    def idle(self) -> int:
        """Core-slots that could take a task now."""
        return sum(node.idle for node in self.nodes) if self.live else 0

    @property
    def workers(self) -> int:
        """Workers that are up."""
        return len(self._node_of)

    def fit(self, needs: Needs) -> Fit:
        """Whether `needs` could ever run here."""
        fit = self._fits.get(needs)
        if fit is None:
            fit = self._fits[needs] = fits(needs, self.capacity)
        return fit

    def places(self, needs: Needs) -> int:
        """How many tasks with `needs` could run here at once."""
        return self.capacity.nodes * max(1, self.capacity.cores // needs.cores)

    def up(self, worker: str, node: int) -> None:
        """`worker` has come up on `node`."""
        self._node_of[worker] = self.nodes[node]
        self.nodes[node].up(worker)

    def down(self, worker: str) -> Bundle | None:
        """`worker` is gone; what it had, if anything. Its slot is free again."""
        node = self._node_of.pop(worker, None)
        if node is None:
            return None
        node.down(worker)
        bundle = self.bundles.get(worker)
        if bundle is not None:
            self.release(bundle)
        return bundle

    def hold(self, bundle: Bundle) -> None:
        """`bundle` is with its worker."""
        self.bundles[bundle.worker] = bundle
        self.given += 1

    def release(self, bundle: Bundle) -> None:
        """`bundle` is over: its slot is free."""
        del self.bundles[bundle.worker]
        self.nodes[bundle.slot.node].give(bundle.slot)

    def on_node(self, node: int) -> Iterator[Bundle]:
        """The bundles that run on a node."""
        return (bundle for bundle in self.bundles.values() if bundle.slot.node == node)


@dataclass(frozen=True, slots=True)
class Reservation:
    """A node that is being kept free for the head of a queue; `start` is when that will be, if it can be predicted."""

    amounts: Amounts
    start: float | None

    def admits(self, node: Node, amounts: Amounts, end: float | None) -> bool:
        """Whether another task may start: it ends before, or leaves what is reserved untouched (backfill)."""
        if end is not None and self.start is not None and end < self.start:
            return True
        kept = self.amounts
        return (
            node.idle - amounts.cores >= kept.cores
            and (not amounts.memory or node.memory - amounts.memory >= kept.memory)
            and (not amounts.gpus or len(node.gpus) - amounts.gpus >= kept.gpus)
            and (not amounts.qpus or node.qpus - amounts.qpus >= kept.qpus)
        )


def predicted_start(pilot: PilotView, node: Node, amounts: Amounts, now: float) -> float | None:
    """When `amounts` will be free on `node` if everything ends as predicted; None when somebody's end is unknown."""
    cores, gpus, qpus, memory = node.idle, len(node.gpus), node.qpus, node.memory
    ends = [(bundle.remaining(now), bundle.slot) for bundle in pilot.on_node(node.index)]
    known = sorted(((left, slot) for left, slot in ends if left is not None), key=lambda item: item[0])
    for left, slot in known:
        cores, gpus = cores + slot.amounts.cores, gpus + slot.amounts.gpus
        qpus, memory = qpus + slot.amounts.qpus, memory + slot.amounts.memory
        if cores >= amounts.cores and gpus >= amounts.gpus and qpus >= amounts.qpus and memory >= amounts.memory:
            return now + left
    return None


__all__ = ["PilotView", "Reservation", "Slot", "predicted_start"]
