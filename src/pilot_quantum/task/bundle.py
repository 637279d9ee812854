"""Bundles: tasks shipped together, and how many of them."""

from __future__ import annotations

from pilot_quantum.resource.slots import Slot
from pilot_quantum.task.queues import Queue

TARGET = 0.05
"""Seconds of work that a bundle should hold: far above the cost of a shipment, below what people notice."""
OVERHEAD = 20e-6
"""Seconds that a worker spends on a task beside running it; keeps bundles of empty tasks finite."""
LARGEST = 1000


class Bundle:
    """Tasks with one worker. `left` holds (task -> attempt) of what has not been reported, in the order of running."""

    __slots__ = (
        "alone",
        "choice",
        "current",
        "ending",
        "left",
        "pilot",
        "queue",
        "recheck",
        "shipped",
        "slot",
        "solitary",
        "touched",
    )

    def __init__(
        self, queue: Queue, pilot: str, slot: Slot, choice: int, left: dict[int, int], now: float, solitary: bool
    ) -> None:
        self.queue = queue
        self.pilot = pilot
        self.slot = slot
        self.choice = choice
        self.left = left
        self.alone = len(left) == 1
        """Whether a loss can be charged to its one task."""
        self.solitary = solitary
        """Whether that must stay so: its task was lost together with others before."""
        self.current: int | None = None
        """The task that is known to be running."""
        self.shipped = now
        self.touched = now
        """When it was last heard of, or shipped."""
        self.ending = False
        """Whether its worker is being killed by us."""
        self.recheck = True
        """Whether its tail may be asked back for an idle slot."""

    def add(self, more: dict[int, int]) -> None:
        """Tasks that follow those that are left."""
        self.left.update(more)
        self.alone = False

    @property
    def worker(self) -> str:
        """The worker that runs it."""
        return self.slot.workers[0]

    def remaining(self, now: float) -> float | None:
        """Predicted seconds until it ends; None when nobody knows, 0 when it is overdue."""
        each = self.queue.durations.predict(self.pilot, self.choice)
        return None if each is None else max(0.0, self.touched + each * len(self.left) - now)


def size(queue: Queue, seconds: float | None, slots: int) -> int:
    """How many tasks of `queue` to ship to one of `slots` places at once, if one takes `seconds`.

    One while durations are unknown; then about TARGET seconds of work, but never more than half of an even share, so
    that the last bundles are small and no slot starves (guided self-scheduling).
    """
    if queue.alone or seconds is None or not queue.durations.learned:
        return 1
    share = -(-len(queue) // (2 * max(1, slots)))
    return max(1, min(LARGEST, share, int(TARGET / (seconds + OVERHEAD))))
