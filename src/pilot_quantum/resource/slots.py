"""Who holds what on a node: the ledger of free and taken core-slots, devices and memory."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.resource.capacity import LATER, Capacity


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a task takes of one node: cores, GPUs, QPUs and memory (bytes)."""

    cores: int = 1
    gpus: int = 0
    qpus: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A share of a node. The first worker runs the task, the others are its reserved siblings.

    more: the shares of a gang's other nodes.
    """

    node: int
    workers: tuple[str, ...]
    gpus: tuple[int, ...]
    amounts: Amounts
    more: tuple[Slot, ...] = ()

    @property
    def shares(self) -> tuple[Slot, ...]:
        """One for each node."""
        return (self, *self.more)

    @property
    def nodes(self) -> tuple[int, ...]:
        """The nodes of a gang, the first worker's own first; empty for a share of one node."""
        return tuple(share.node for share in self.shares) if self.more else ()


class Node:
    """The ledger of one node. Workers are its core-slots; only those that are up can be taken."""

    def __init__(self, index: int, capacity: Capacity) -> None:
        if LATER in (capacity.gpus, capacity.qpus):
            raise ValueError(f"node {index} must come with real numbers of devices, not with {capacity}.")
        self.index = index
        self.capacity = capacity
        self.gpus = set(range(capacity.gpus))
        self.qpus = capacity.qpus
        self.memory = capacity.memory
        self._number: dict[str, int] = {}
        self._up: set[str] = set()
        self._idle: set[str] = set()
        self._taken: set[str] = set()

    @property
    def idle(self) -> int:
        """Core-slots that are up and free."""
        return len(self._idle)

    def is_idle(self, worker: str) -> bool:
        """Whether `worker` is up and free."""
        return worker in self._idle

    def up(self, worker: str) -> None:
        """`worker` is there (again)."""
        self._number.setdefault(worker, len(self._number))
        self._up.add(worker)
        if worker not in self._taken:
            self._idle.add(worker)

    def down(self, worker: str) -> None:
        """`worker` is gone; a slot that holds it keeps its share until it is given back."""
        self._up.discard(worker)
        self._idle.discard(worker)

    def holds(self, amounts: Amounts) -> bool:
        """Whether `amounts` are free now."""
        return (
            amounts.cores <= len(self._idle)
            and amounts.memory <= self.memory
            and amounts.gpus <= len(self.gpus)
            and amounts.qpus <= self.qpus
        )

    def take(self, amounts: Amounts, prefer: str | None = None) -> Slot:
        """A slot of `amounts`, which must be free; run by `prefer` if that worker is idle.

        Tasks with GPUs take the first workers and those without the last, so that a worker rarely changes its GPUs.
        """
        order = sorted(self._idle, key=self._number.__getitem__, reverse=not amounts.gpus)
        if prefer in self._idle:
            order.remove(prefer)
            order.insert(0, prefer)
        workers = tuple(order[: amounts.cores])
        gpus = self._take_gpus(workers[0], amounts.gpus) if amounts.gpus else ()
        self._idle.difference_update(workers)
        self._taken.update(workers)
        self.gpus.difference_update(gpus)
        self.qpus -= amounts.qpus
        self.memory -= amounts.memory
        return Slot(self.index, workers, gpus, amounts)

    def give(self, slot: Slot) -> int:
        """`slot` is free again; how many of its core-slots are up."""
        workers, amounts = slot.workers, slot.amounts
        self._taken.difference_update(workers)
        up = self._up.intersection(workers)
        self._idle.update(up)
        self.gpus.update(slot.gpus)
        self.qpus += amounts.qpus
        self.memory += amounts.memory
        return len(up)

    def _take_gpus(self, worker: str, count: int) -> tuple[int, ...]:
        home = self._number[worker]
        return tuple(sorted(sorted(self.gpus, key=lambda gpu: (gpu != home, gpu))[:count]))
