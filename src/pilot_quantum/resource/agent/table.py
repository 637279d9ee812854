"""Engines that span an allocation's nodes; each is imported where it is wanted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import cast

from pilot_quantum.resource.agent.hosts import Host
from pilot_quantum.resource.agent.loop import AgentLoop
from pilot_quantum.resource.channel.credentials import Credentials
from pilot_quantum.resource.engines.events import Engine

SPANNING = {
    "dask": "pilot_quantum.resource.engines.dask:make",
    "ray": "pilot_quantum.resource.engines.ray:make",
}
"""engine -> its maker: make(pilot, hosts, credentials, loop)."""


Maker = Callable[[str, Sequence[Host], Credentials, AgentLoop], Engine]


def load(engine: str) -> Maker:
    """What makes the engine of that name. Raises ImportError where its library is missing."""
    module, _, maker = SPANNING[engine].partition(":")
    return cast(Maker, getattr(importlib.import_module(module), maker))
