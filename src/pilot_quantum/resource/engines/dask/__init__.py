"""The engine `dask`: a Dask cluster of the pilot's own, one single-thread worker for each core-slot.

Dask's own packages are imported where they are used: reading this package must not cost what they cost.
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

    It makes a certificate of its own: who holds the agent's credentials is not thereby let into the cluster.
    """
    from pilot_quantum.resource.engines.dask.engine import DaskEngine

    del credentials
    return DaskEngine(pilot, hosts, loop)
