"""From tasks to what they take together: preparation, sending, and the pilots' workers."""

from __future__ import annotations

from collections.abc import Sequence

from pilot_quantum.dreamer.models.dispatch import DISPATCH, Dispatch
from pilot_quantum.dreamer.planning.places import Load, Places
from pilot_quantum.dreamer.prediction import Prediction, together


def offered(
    places: Places,
    loads: Sequence[Load],
    before: Sequence[Prediction],
    after: Sequence[Prediction] = (),
    threads: int = 1,
    sent: int = 0,
) -> Prediction:
    """The seconds of `loads` as tasks of `threads` cores each, with what the session does before and after.

    sent: bytes in all. Where a task fits nowhere, the seconds are those of one worker that could hold it.
    """
    running = together(load.prediction for load in loads)
    last = places.makespan(loads, threads) if not places.refusal(loads, threads) else running.seconds
    if running.seconds > 0:
        running = running.times(last / running.seconds)
    dispatching = Dispatch(places.rates(DISPATCH)).predict(len(loads), sent).named("dispatch.")
    found = together([*before, dispatching, running, *after])
    memory = max((load.memory for load in loads), default=0)
    return Prediction(found.seconds, found.low, found.high, memory, found.terms, found.assumed)
