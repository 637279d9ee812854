"""Q-Dreamer: performance models that predict before anything runs, and the planner that weighs them.

plan = pq.dreamer.plan(circuit, observable, session.resources())
print(plan.explain())
value = session.run(plan).result()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pilot_quantum.dreamer.planning.candidate import Candidate
    from pilot_quantum.dreamer.planning.plan import Plan
    from pilot_quantum.dreamer.planning.planner import plan
    from pilot_quantum.dreamer.planning.target import Target

_HOME = {"Candidate": "candidate", "Plan": "plan", "Target": "target", "plan": "planner"}

__all__ = ["Candidate", "Plan", "Target", "plan"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pilot_quantum.dreamer' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"pilot_quantum.dreamer.planning.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
