"""How one call becomes units of work: by the call alone, never by how many workers there are.

A unit is one PUB, one block of its bindings and one block of its shots. Its size aims at about 10 to 50 ms of work, by
counting amplitude updates: instructions times 2^qubits for each state evolution. Finer would repeat
the transfer of the circuit; coarser would leave workers idle at the end. L2 bundles small units; nothing else batches.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pilot_quantum.circuit.updates import UPDATES_PER_UNIT
from pilot_quantum.resource.checks import check_whole

UPDATES_PER_START = 2**15  # what starting one evolution costs, in updates
UPDATES_PER_SHOT = 2**5  # one sample from a known state: about 100 ns
UPDATES_PER_TRAJECTORY = 2**12  # starting one shot that is simulated by itself
MOST_BINDINGS = 1024
MOST_SHOTS = 2**20
MOST_BYTES = 2**28  # of the circuit in all units of a PUB together: they wait in the session's memory


class UnitKey(NamedTuple):
    """Which unit of a run: indices of its PUB, its block of bindings, its block of shots."""

    pub: int
    bindings: int
    shots: int

    def __str__(self) -> str:
        return f"PUB {self.pub} (block of bindings {self.bindings}, block of shots {self.shots})"


def bindings_per_unit(updates: int, shots: int = 0) -> int:
    """Bindings in a block, where each takes one evolution of `updates` and `shots` samples from its end."""
    one = updates + UPDATES_PER_START + shots * UPDATES_PER_SHOT
    return max(1, min(MOST_BINDINGS, UPDATES_PER_UNIT // one))


def trajectories_per_unit(updates: int) -> int:
    """Shots in a block, where every shot is simulated by itself."""
    return max(1, min(MOST_SHOTS, 2 * UPDATES_PER_UNIT // (updates + UPDATES_PER_TRAJECTORY)))


def least_per_unit(total: int, blob: int) -> int:
    """Bindings or shots that a block has at least, so that sending a circuit of `blob` bytes takes no more memory."""
    return math.ceil(total * blob / MOST_BYTES)


def seed_of(entropy: int, key: UnitKey) -> np.random.SeedSequence:
    """The seed of one unit: the same whoever runs it, wherever, and however often."""
    return np.random.SeedSequence(entropy, spawn_key=tuple(key))


def entropy_of(seed: int | None) -> int:
    """`seed`; for None a fresh one, to be kept with the result so that the call can be repeated.

    Raises InvalidDescriptionError when it is no whole number of at least 0.
    """
    if seed is None:
        return int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
    return check_whole("seed", seed, 0, "or None")
