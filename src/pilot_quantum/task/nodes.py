"""A node as the scheduler sees it: its ledger, what runs there, and whether it takes new tasks."""

from __future__ import annotations

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.slots import Amounts, Node
from pilot_quantum.task.bundle import Bundle


class Place(Node):
    """A node of a pilot, from NodeUp until it is lost. Times are monotonic seconds."""

    def __init__(
        self, index: int, capacity: Capacity, host: str, group: str, ends_at: float | None, since: float
    ) -> None:
        super().__init__(index, capacity)
        self.host = host
        self.group = group
        """Its allocation: a gang stays within one."""
        self.ends_at = ends_at
        self.draining = ""
        """Why it takes no new task."""
        self.bundles: dict[str, Bundle] = {}
        """worker -> what it runs here; for a gang, the lead worker of whatever node."""
        self.idle_since = since
        """When it was last seen to become empty."""

    def time_for(self, seconds: float | None, now: float) -> bool:
        """Whether a task of so many seconds can end before the node does; unknown ones may, until it is over."""
        return self.ends_at is None or (now < self.ends_at and now + (seconds or 0.0) <= self.ends_at)

    def could_hold(self, amounts: Amounts) -> bool:
        """Whether `amounts` would fit, were the node empty."""
        have = self.capacity
        return (
            amounts.cores <= have.cores
            and amounts.memory <= have.memory
            and amounts.gpus <= have.gpus
            and amounts.qpus <= have.qpus
        )

    def places(self, amounts: Amounts) -> int:
        """How many tasks of `amounts` fit at once."""
        have = self.capacity
        fits = have.cores // amounts.cores
        if amounts.gpus:
            fits = min(fits, have.gpus // amounts.gpus)
        if amounts.qpus:
            fits = min(fits, have.qpus // amounts.qpus)
        return fits

    def free_at(self, amounts: Amounts, priority: int, now: float) -> float | None:
        """When `amounts` will be free if all ends as predicted; None when somebody's end is unknown.

        Of work that is not above `priority`, only what has begun counts: the rest is asked back.
        """
        cores, gpus, qpus, memory = self.idle, len(self.gpus), self.qpus, self.memory
        if self.holds(amounts):
            return now
        ends = []
        for bundle in self.bundles.values():
            tasks = min(1, len(bundle.left)) if bundle.queue.key.priority <= priority else None
            left = bundle.remaining(now, tasks)
            if left is not None:
                ends.append((left, bundle.slot.amounts))
        for left, freed in sorted(ends, key=lambda item: item[0]):
            cores, gpus, qpus, memory = cores + freed.cores, gpus + freed.gpus, qpus + freed.qpus, memory + freed.memory
            if cores >= amounts.cores and gpus >= amounts.gpus and qpus >= amounts.qpus and memory >= amounts.memory:
                return now + left
        return None
