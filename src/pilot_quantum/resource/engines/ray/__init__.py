"""The engine `ray`: a Ray cluster of the pilot's own, one actor for each core-slot, in which our core alone schedules.

Ray's own packages are imported in Ray's processes only, never in the agent's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pilot_quantum.resource.agent.hosts import Host
    from pilot_quantum.resource.agent.loop import AgentLoop
    from pilot_quantum.resource.engines.events import Engine


def make(pilot: str, hosts: Sequence[Host], credentials: Any, loop: AgentLoop) -> Engine:
    """The engine of a pilot on `hosts`, the agent's own first.

    It makes a token of its own: who holds the agent's credentials is not thereby let into the cluster.
    """
    from pilot_quantum.resource.engines.ray.engine import RayEngine

    del credentials
    return RayEngine(pilot, hosts, loop)
