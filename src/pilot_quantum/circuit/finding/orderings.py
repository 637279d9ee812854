"""Orders of the qubits in which strongly bound qubits stand close together: where contiguous blocks cut little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.finding.blocks import distinct


def orderings(weights: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distinct orders of the n qubits, one a row: as given, grown from each of `starts`, and from where those ended.

    An order that is grown from the middle ends at the border; from there a chain is found in its own order, however
    its qubits are numbered. weights: (n, n), symmetric, zero diagonal: what it costs to separate two qubits.
    """
    near = _grown(weights, starts)
    far = _grown(weights, np.unique(near[:, -1]))
    found = np.concatenate([np.arange(len(weights))[None], near, far])
    return found[distinct(found)]


def _grown(weights: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """From each start, always the qubit next that adds least to the weight between those chosen and the others."""
    rows = np.arange(len(starts))
    orders = np.empty((len(starts), len(weights)), np.int64)
    # The weight to the others rises by (degree - 2·bond) when a qubit joins.
    rises = np.tile(weights.sum(axis=1), (len(starts), 1))
    current = starts
    for place in range(len(weights)):
        orders[:, place] = current
        rises -= 2 * weights[current]
        rises[rows, current] = np.inf
        current = rises.argmin(axis=1)
    return orders
