"""Several ways to one answer, timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Protocol

STOP_AT = 5.0
"""Times the best so far, after which a contender is stopped, and not run again."""

NOT_BEFORE = 2.0
"""Seconds that every contender may take at least, however fast the best is."""

ENOUGH = 1.0
"""Seconds altogether after which one that takes five times the best gets no further round."""

MOST = 60.0
"""Seconds that a contender may take while nothing is known of the others."""

SHORT = 0.25
"""Seconds up to which a first run is a rehearsal that does not count: later ones find what it has left in caches."""

BRIEF = 0.03
"""Seconds that the rounds of a contender shall take together, where more of them may."""

MORE = 5
"""Times as many rounds at most: until they take `BRIEF` together, `SHORT` those of contenders within twice the best."""

DUEL = 0.6
"""Seconds that the rounds of each of two shall take together: their ratio is what is asked for."""


class Run(Protocol):
    """Runs a contender once. limit: seconds after which it is to be stopped."""

    def __call__(self, limit: float) -> tuple[float, float]:
        """Seconds and the value. Raises TimeoutError when it was stopped."""
        ...


@dataclass
class Contender:
    """One way. seconds: of its counted runs so far; rehearsed: of the last that was not counted; values: of all.

    stopped: after so many seconds; 0: it was not. failed: what it raised.
    """

    name: str
    run: Run
    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    rehearsed: float = inf
    stopped: float = 0.0
    failed: str = ""

    @property
    def typical(self) -> float:
        """The median of its seconds; infinite before any."""
        return median(self.seconds) if self.seconds else inf


def contest(
    contenders: Sequence[Contender],
    rounds: int,
    rehearsals: int = 1,
    after_stop: Callable[[], None] = lambda: None,
    seconds: float = BRIEF,
) -> None:
    """Run all contenders in turn, `rounds` times at least, and note what they took.

    contenders: those that are expected to be fast first, so that there is a best to stop others by. rehearsals:
    uncounted runs before, one for each worker, as each keeps what it has built. after_stop: called when one was
    stopped, which costs a worker. seconds: that the rounds of each shall take together. One that takes
    five times the best gets no further round when it has had a second. What one raises is noted, and it takes no
    further part.
    """
    for _ in range(rehearsals):
        for one in contenders:
            if one.stopped or one.failed or len(one.seconds) >= rounds:
                continue
            _turn(one, contenders, after_stop, rehearsal=True)
    for turn in range(MORE * rounds):
        for one in contenders:
            if _goes_on(one, contenders, turn, rounds, seconds):
                _turn(one, contenders, after_stop)


def _goes_on(one: Contender, contenders: Sequence[Contender], turn: int, rounds: int, seconds: float) -> bool:
    if one.stopped or one.failed:
        return False
    best = _best(contenders)
    if one.typical > STOP_AT * best and sum(one.seconds) >= ENOUGH:
        return False
    if turn < rounds:
        return len(one.seconds) <= turn
    return sum(one.seconds) < (max(SHORT, seconds) if one.typical <= 2 * best else seconds)


def _turn(
    one: Contender, contenders: Sequence[Contender], after_stop: Callable[[], None], rehearsal: bool = False
) -> None:
    best = _best(contenders)
    limit = max(NOT_BEFORE, STOP_AT * best) if best < inf else MOST
    try:
        seconds, value = one.run(limit)
    except TimeoutError:
        one.stopped = limit
        after_stop()
        return
    except Exception as error:  # noqa: BLE001 - whatever it raises belongs into its row, and the others go on
        one.failed = f"{type(error).__name__}: {error}"
        return
    one.values.append(value)
    if not rehearsal or (seconds > SHORT and best < inf):  # the very first of all may pay for what all need
        one.seconds.append(seconds)
    else:
        one.rehearsed = seconds


def _best(contenders: Sequence[Contender]) -> float:
    """What the fastest takes; by a rehearsal, as long as there is nothing else to stop others by."""
    return min(min(one.typical, one.rehearsed) for one in contenders)
