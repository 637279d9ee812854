"""Outcomes of measurements, packed as Qiskit's BitArray wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
BitOf = Callable[[int], "Bytes | None"]

Register = tuple[int, ...]  # the classical bits of one register, its lowest first, as the circuit counts them


def sampled(probabilities: NDArray[np.float64], shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Basis states drawn by their `probabilities`, which are overwritten."""
    cumulative = np.cumsum(probabilities, out=probabilities)
    drawn = rng.random(shots)
    drawn *= cumulative[-1]
    return np.minimum(np.searchsorted(cumulative, drawn, side="right"), len(cumulative) - 1)


def of_states(states: NDArray[np.int64], position: Mapping[int, int]) -> BitOf:
    """Reads a classical bit from basis states, where `position` says which of their bits it holds."""

    def bit(clbit: int) -> Bytes | None:
        where = position.get(clbit)
        return None if where is None else ((states >> where) & 1).astype(np.uint8)

    return bit


def of_bytes(outcomes: Bytes) -> BitOf:
    """Reads a classical bit from little-endian bytes, of shape (shots, bytes)."""

    def bit(clbit: int) -> Bytes | None:
        return ((outcomes[:, clbit >> 3] >> (clbit & 7)) & 1).astype(np.uint8)

    return bit


def packed(bit: BitOf, register: Sequence[int], shots: int) -> Bytes:
    """The bits of `register` in every shot: shape (shots, bytes), big-endian, the highest bits padded with 0."""
    width = -(-len(register) // 8)
    array = np.zeros((shots, width), dtype=np.uint8)
    for i, clbit in enumerate(register):
        values = bit(clbit)
        if values is not None:  # never measured: stays 0
            array[:, width - 1 - (i >> 3)] |= values << (i & 7)
    return array
