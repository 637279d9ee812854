"""Bundles: tasks shipped together, and how many of them."""

from __future__ import annotations

from pilot_quantum.resource.slots import Slot
from pilot_quantum.task.queues import Queue

TARGET = 0.05
"""Seconds of work that a bundle should hold: far above the cost of a shipment, below what people notice."""
OVERHEAD = 20e-6
"""Seconds that a worker spends on a task beside running it; keeps bundles of empty tasks finite."""
LARGEST = 1000
EARLY = 0.002
"""Seconds for the way to a worker and back, from which on a worker gets more before it has run dry."""
_TURNS = 8
"""How many such ways a bundle should last, where that is longer."""
_LONGEST_TARGET = 0.5
_LARGEST_OF_ALL = 5000


class Bundle:
    """Tasks with one worker. `left` holds (task -> attempt) of what has not been reported, in the order of running."""

    __slots__ = (
        "alone",
        "choice",
        "current",
        "due",
        "ending",
        "fresh",
        "left",
        "pilot",
        "queue",
        "recheck",
        "shipped",
        "slot",
        "solitary",
        "swept",
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
        self.swept = False
        """Whether all that it has not begun has been asked back."""
        self.fresh = True
        """Whether nothing has been heard of it yet."""
        self.due = float("inf")
        """When its worker should get more."""

    def add(self, more: dict[int, int]) -> None:
        """Tasks that follow those that are left."""
        self.left.update(more)
        self.alone = False
        self.swept = False

    @property
    def worker(self) -> str:
        """The worker that runs it."""
        return self.slot.workers[0]

    @property
    def unbegun(self) -> int:
        """How many of its tasks are not known to be running."""
        return len(self.left) - (self.current is not None)

    def remaining(self, now: float, tasks: int | None = None) -> float | None:
        """Predicted seconds until it (or its first `tasks`) ends; None when nobody knows, 0 when it is overdue."""
        each = self.queue.durations.predict(self.pilot, self.choice)
        count = len(self.left) if tasks is None else tasks
        return None if each is None else max(0.0, self.touched + each * count - now)


def target(turn: float) -> float:
    """Seconds of work that a bundle should hold, where the way to the worker and back takes `turn` seconds."""
    return TARGET if turn < EARLY else max(TARGET, min(_TURNS * turn, _LONGEST_TARGET))


def size(queue: Queue, seconds: float | None, slots: int, turn: float = 0.0) -> int:
    """How many tasks of `queue` to ship to one of `slots` places at once, if one takes `seconds`.

    One while durations are unknown; then as much work as `target` says, but never more than half of an even share, so
    that the last bundles are small and no slot starves (guided self-scheduling).
    """
    if queue.single or queue.alone or seconds is None or not queue.durations.learned:
        return 1
    share = -(-len(queue) // (2 * max(1, slots)))
    seconds_of_work = target(turn)
    largest = min(_LARGEST_OF_ALL, int(LARGEST * seconds_of_work / TARGET))
    return max(1, min(largest, share, int(seconds_of_work / (seconds + OVERHEAD))))
