"""How much a pilot can hold: data that travels between the layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pilot offers. `cores`, `gpus` and `memory` (bytes) are per node; `qpus` for the pilot as a whole."""

    nodes: int
    cores: int
    gpus: int = 0
    qpus: int = 0
    memory: int = 0
    capabilities: frozenset[str] = frozenset()
