"""Hill-climbing over partitions of qubits, many partitions at a time: single moves, and swaps where parts are full."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.finding.blocks import Blocks

LEAST_GAIN = 1e-9


def cut_weights(weights: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weight between different parts, for each row of labels (partitions, n)."""
    cut: NDArray[np.float64] = np.einsum("ij,tij->t", weights, labels[:, :, None] != labels[:, None, :]) / 2
    return cut


def refined(weights: NDArray[np.float64], blocks: Blocks) -> NDArray[np.int64]:
    """The labels of each row after the best move or swap was made until none lessens the weight cut.

    weights: (n, n), symmetric, zero diagonal. Parts keep within their widths.
    """
    labels = blocks.labels.copy()
    parts = np.arange(blocks.widths.shape[1])
    active = np.arange(len(labels))
    while active.size:
        current = labels[active]
        rows = np.arange(active.size)
        member = current[:, :, None] == parts
        bonds = weights @ member  # [row, qubit, part]: the weight between a qubit and a part
        own = np.take_along_axis(bonds, current[:, :, None], axis=2)
        gains = bonds - own
        full = member.sum(axis=1) >= blocks.widths[active]
        moves = np.where(member | full[:, None, :], -np.inf, gains).reshape(active.size, -1)
        toward = gains[rows[:, None], :, current].transpose(0, 2, 1)  # [row, qubit, other]: gain in the other's part
        swaps = toward + toward.transpose(0, 2, 1) - 2 * weights
        swaps = np.where(current[:, :, None] == current[:, None, :], -np.inf, swaps).reshape(active.size, -1)
        move, swap = moves.argmax(axis=1), swaps.argmax(axis=1)
        move_gain, swap_gain = moves[rows, move], swaps[rows, swap]
        by_move = (move_gain >= swap_gain) & (move_gain > LEAST_GAIN)
        by_swap = ~by_move & (swap_gain > LEAST_GAIN)
        qubit, part = np.divmod(move, parts.size)
        labels[active[by_move], qubit[by_move]] = part[by_move]
        one, other = np.divmod(swap, current.shape[1])
        labels[active[by_swap], one[by_swap]] = current[rows, other][by_swap]
        labels[active[by_swap], other[by_swap]] = current[rows, one][by_swap]
        active = active[by_move | by_swap]
    return labels
