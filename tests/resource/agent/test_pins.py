"""Large values stay for as long as a task that was handed on needs them."""

from __future__ import annotations

import pickle

import pytest

from pilot_quantum.resource.agent.pins import Pins
from pilot_quantum.resource.engines.events import EngineEvent, NodesLost, Outcomes, Revoked, WorkerLost
from pilot_quantum.resource.values.store import LARGE, Store

W = "p/0.0"


@pytest.mark.parametrize(
    "event",
    [
        Outcomes("p", W, [(1, 1, 0.0, 1.0, True)]),
        Revoked("p", W, [(1, 1)]),
        WorkerLost("p", W, "killed"),
        NodesLost("p", [0], "gone"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_value_is_held_until_its_task_has_ended_or_is_not_here_any_more(event: EngineEvent) -> None:
    store, pins = Store(), Pins()
    pins.add(W, [(1, 1, b"", (store.keep([pickle.dumps(bytes(LARGE))]),)), (2, 1, b"", (b"small",))])
    assert len(pins) == 1
    pins.note(Outcomes("p", W, [(2, 1, 0.0, 1.0, True)]))
    pins.note(WorkerLost("p", "p/1.0", "killed"))
    assert store.in_memory > LARGE
    pins.note(event)
    assert len(pins) == store.in_memory == 0
