"""How much a pilot can hold: data that travels between the layers."""

from __future__ import annotations

import re
from dataclasses import dataclass

CAPABILITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z")
"""What a capability may be called, by the pilots that have it and by the tasks that need it."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pilot offers. `cores`, `gpus` and `memory` (bytes) are per node; `qpus` for the pilot as a whole."""

    nodes: int
    cores: int
    gpus: int = 0
    qpus: int = 0
    memory: int = 0
    capabilities: frozenset[str] = frozenset()
