"""The best division of an order of qubits into contiguous blocks, by dynamic programming."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.finding.limits import Limits

TIE = 1e-8
"""How much of ln κ² an even division may cost: nothing that anybody could notice."""


class Blocks(NamedTuple):
    """Partitions of n qubits, one a row. labels: (rows, n), the part of each qubit, from 0.

    widths: (rows, parts), the qubits that each part may have; 0 for parts that a row does not use.
    """

    labels: NDArray[np.int64]
    widths: NDArray[np.int64]

    def rows(self, chosen: NDArray[np.int64]) -> Blocks:
        """Some of the rows."""
        return Blocks(self.labels[chosen], self.widths[chosen])


def block_weights(weights: NDArray[np.float64], orders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Twice the weight within each block of each order: [order, i, j] for the places i to j-1. (orders, n+1, n+1).

    weights: (n, n), symmetric, zero diagonal.
    """
    count, size = orders.shape
    sums = np.zeros((count, size + 1, size + 1))
    sums[:, 1:, 1:] = weights[orders[:, :, None], orders[:, None, :]].cumsum(axis=1).cumsum(axis=2)
    diagonal = np.einsum("tii->ti", sums)
    within: NDArray[np.float64] = diagonal[:, None, :] + diagonal[:, :, None] - 2 * sums
    return within


def best_blocks(within: NDArray[np.float64], orders: NDArray[np.int64], limits: Limits) -> Blocks | None:
    """For each order the blocks within the limits that keep most weight within; None if not all qubits have a place.

    within: from `block_weights`. The state is the place in the order, and how many of each limited width are used. Of
    blocks that cut alike the even ones win: 2^qubits is what a simulator pays.
    """
    count, size = orders.shape
    kinds = sorted(set(limits.wider), reverse=True)
    states = list(product(*(range(limits.wider.count(kind) + 1) for kind in kinds)))
    index = {state: place for place, state in enumerate(states)}
    options = [_options(state, kinds, index, limits.base) for state in states]
    kept = np.full((len(states), count, size + 1), -np.inf)
    kept[0, :, 0] = 0.0
    begins = np.empty((len(states), count, size + 1), np.int64)
    chosen = np.zeros((len(states), count, size + 1), np.int64)
    rows = np.arange(count)
    evenness = -TIE * 2.0 ** (np.arange(size, 0, -1) - size)  # for blocks of `size` qubits down to 1
    for end in range(1, size + 1):
        for place, ways in enumerate(options):
            for way, (source, width) in enumerate(ways):
                low = max(0, end - width)
                values = kept[source, :, low:end] + within[:, low:end, end] + evenness[size - (end - low) :]
                begin = values.argmax(axis=1)
                best = values[rows, begin]
                if way == 0:
                    kept[place, :, end] = best
                    begins[place, :, end] = begin + low
                    continue
                better = best > kept[place, :, end]
                if better.any():
                    kept[place, better, end] = best[better]
                    begins[place, better, end] = begin[better] + low
                    chosen[place, better, end] = way
    if not np.isfinite(kept[:, 0, size].max()):
        return None
    return _traced(orders, kept[:, :, size].argmax(axis=0), begins, chosen, options)


def even_blocks(orders: NDArray[np.int64], width: int) -> Blocks:
    """Each order in as few blocks of at most `width` as there can be, all of the same size or one qubit less.

    What `best_blocks` cuts least may have more parts, and no move or swap leads from there to few full ones.
    """
    size = orders.shape[1]
    parts = -(-size // width)
    labels = np.empty_like(orders)
    np.put_along_axis(labels, orders, np.arange(size)[None] * parts // size, axis=1)
    return Blocks(labels, np.full((len(orders), parts), width))


def distinct(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each distinct row of small numbers, none negative, stands first, in the order of the rows.

    What `np.unique` does along an axis, in a tenth of the time where rows are few.
    """
    found: dict[bytes, int] = {}
    for place, row in enumerate(rows.astype(">u4")):
        found.setdefault(row.tobytes(), place)
    return np.array([found[row] for row in sorted(found)], np.int64)


def joined(tables: Sequence[Blocks]) -> Blocks:
    """All rows of several tables."""
    parts = max(table.widths.shape[1] for table in tables)
    widths = [np.pad(table.widths, ((0, 0), (0, parts - table.widths.shape[1]))) for table in tables]
    return Blocks(np.concatenate([table.labels for table in tables]), np.concatenate(widths))


def _options(
    state: tuple[int, ...], kinds: Sequence[int], index: dict[tuple[int, ...], int], base: int
) -> list[tuple[int, int]]:
    """How the last block can have come: the state before it, and its width."""
    ways = [(index[state], base)] if base else []
    for kind, width in enumerate(kinds):
        if state[kind]:
            ways.append((index[(*state[:kind], state[kind] - 1, *state[kind + 1 :])], width))
    return ways


def _traced(
    orders: NDArray[np.int64],
    states: NDArray[np.int64],
    begins: NDArray[np.int64],
    chosen: NDArray[np.int64],
    options: list[list[tuple[int, int]]],
) -> Blocks:
    count, size = orders.shape
    most = max(map(len, options))
    # What a way of a state leads back to; from the place 0 on nothing is used any more.
    sources, used = np.zeros((2, len(options), most), np.int64)
    for place, ways in enumerate(options):
        for way, (source, width) in enumerate(ways):
            sources[place, way], used[place, way] = source, width
    rows, ends = np.arange(count), np.full(count, size)
    begun = np.zeros((count, size + 1), np.int64)
    widths = []
    while ends.any():
        going = ends > 0
        way = chosen[states, rows, ends]
        widths.append(np.where(going, used[states, way], 0))
        begin = np.where(going, begins[states, rows, ends], 0)
        states = np.where(going, sources[states, way], states)
        begun[rows[going], begin[going]] = 1
        ends = begin
    # Parts are numbered from the end: as many as begin after a place.
    after = begun.sum(axis=1, keepdims=True) - begun.cumsum(axis=1)
    labels = np.empty_like(orders)
    np.put_along_axis(labels, orders, after[:, :size], axis=1)
    return Blocks(labels, np.stack(widths, axis=1))
