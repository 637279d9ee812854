"""A glance at whether cutting may pay, before anybody looks for cuts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pilot_quantum.circuit.entanglement import ANY_GATE
from pilot_quantum.circuit.one_thread import one_thread
from pilot_quantum.circuit.skeleton import Skeleton

MOST_QUBITS = 400
"""Beyond, ordering the qubits would take seconds."""


class Glance(NamedTuple):
    """The best division into two sides of qubits by gate cuts along one line.

    width: qubits of the wider side. bits: log2 of the Schmidt terms of all gates cut. amplitude_bits: log2 of the
    amplitudes of both sides in all their variants; the true best is often less.
    """

    width: int
    bits: int
    amplitude_bits: float


def glance(skeleton: Skeleton) -> Glance | None:
    """The qubits in the order of the interaction graph's Fiedler vector, and the best place to divide that line.

    None where there is nothing to divide: fewer than two qubits with gates, or too many to look at. (Fiedler 1973;
    spectral ordering for partitions: Pothen, Simon and Liou 1990.)
    """
    active = skeleton.active
    if not 2 <= len(active) <= MOST_QUBITS:
        return None
    place = {qubit: i for i, qubit in enumerate(active)}
    weights = np.zeros((len(active), len(active)))
    for wires, kind in zip(skeleton.wires, skeleton.kinds, strict=True):
        bits = kind.rank_bits or ANY_GATE
        for at, one in enumerate(wires):
            for other in wires[at + 1 :]:
                weights[place[one], place[other]] += bits
                weights[place[other], place[one]] += bits
    laplacian = np.diag(weights.sum(axis=0)) - weights
    with one_thread():
        order = np.argsort(np.linalg.eigh(laplacian)[1][:, 1], kind="stable")
    ordered = weights[np.ix_(order, order)]
    best: Glance | None = None
    crossing = 0.0
    for size in range(1, len(active)):
        crossing += ordered[size - 1, size:].sum() - ordered[size - 1, : size - 1].sum()
        width = max(size, len(active) - size)
        total = width + crossing + np.log2(1 + 2.0 ** (len(active) - 2 * width))
        if best is None or total < best.amplitude_bits:
            best = Glance(width, round(crossing), float(total))
    return best
