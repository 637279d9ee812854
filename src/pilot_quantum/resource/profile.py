"""What a pilot has, as data for planners and people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResourceProfile:
    """One pilot's resources. `cores`, `gpus`, `memory` (bytes) are per node; `qpus` for the whole pilot."""

    pilot: str
    nodes: int
    cores: int
    gpus: int
    qpus: int
    memory: int
    capabilities: frozenset[str]
