"""How much a pilot can hold: data that travels between the layers."""

from __future__ import annotations

import re
from dataclasses import dataclass

CAPABILITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z")
"""What a capability may be called, by the pilots that have it and by the tasks that need it."""

SIMULATOR = "simulator"
LIGHTNING = "lightning"
"""Capabilities that nodes find by themselves: Qiskit Aer is installed there; PennyLane's Lightning is."""

LATER = 2**62
"""An amount that nobody knows before the nodes are there; until then it counts as enough for everything."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pilot, or a node of it, offers. `cores`, `gpus`, `qpus` and `memory` (bytes) are per node.

    complete: whether no more `capabilities` can be found, as they may on nodes that are not there yet.
    """

    nodes: int
    cores: int
    gpus: int = 0
    qpus: int = 0
    memory: int = 0
    capabilities: frozenset[str] = frozenset()
    complete: bool = True
