"""How long words travel between the core and a pilot's workers: learned from when tasks begin and end."""

from __future__ import annotations

_USUAL = 0.02
"""Seconds. The first sample counts up to here, and later ones by so much more than twice what was learned: a first
shipment also waits for imports, which says nothing about the next."""
_LONGEST = 0.5
"""Seconds; beyond, it was not the way that took the time."""
_UP, _DOWN = 0.2, 0.5


class Latency:
    """Smoothed seconds of the way there and back, for one pilot. Soon low again after a hitch, slowly high.

    The two ways are measured by two hosts' clocks; only their sum does not depend on how well these agree.
    """

    __slots__ = ("_back", "_there", "turn")

    def __init__(self) -> None:
        self._there: float | None = None
        self._back: float | None = None
        self.turn = 0.0
        """Seconds between a worker's last word and the next task that it gets in answer."""

    def began(self, shipped: float, began: float) -> None:
        """A worker that had nothing to do was shipped a task, and began it."""
        if began - shipped < _LONGEST:
            self._there = _smooth(self._there, began - shipped)
            self.turn = max(0.0, self._there + (self._back or 0.0))

    def heard(self, finished: float, now: float) -> None:
        """It is now that we hear of an end at `finished`."""
        sample = now - finished
        if sample < _LONGEST and sample != self._back:
            self._back = back = _smooth(self._back, sample)
            turn = back + (self._there or 0.0)
            self.turn = turn if turn > 0 else 0.0


def _smooth(old: float | None, sample: float) -> float:
    if old is None:
        return min(sample, _USUAL)
    step = min(sample, 2 * max(old, 0.0) + _USUAL) - old
    return old + (_UP if step > 0 else _DOWN) * step
