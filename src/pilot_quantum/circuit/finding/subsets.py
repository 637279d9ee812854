"""Numbers for all 2ⁿ subsets of n qubits at once; bit v of a subset's index says whether qubit v is in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of `values` (n,) over each subset: (2ⁿ,)."""
    result = np.zeros(1 << len(values))
    for qubit, value in enumerate(values):
        np.add(result[: 1 << qubit], value, out=result[1 << qubit : 2 << qubit])
    return result


def sizes(count: int) -> NDArray[np.uint8]:
    """The number of members of each subset of `count` qubits."""
    result = np.zeros(1 << count, np.uint8)
    for qubit in range(count):
        np.add(result[: 1 << qubit], 1, out=result[1 << qubit : 2 << qubit])
    return result


def outward(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight between each subset and the rest, for symmetric weights (n, n) with zero diagonal."""
    result = sums(weights.sum(axis=1))
    within = np.zeros(1 << len(weights))
    for qubit in range(len(weights)):
        low = 1 << qubit
        within[low : 2 * low] = within[:low] + sums(weights[qubit, :qubit])
    result -= 2 * within
    return result
