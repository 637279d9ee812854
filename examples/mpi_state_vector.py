"""A script for `pilot-quantum run examples/mpi_state_vector.py [QUBITS [RANKS]]`: one circuit's state over MPI ranks.

Every rank holds an equal slice of the amplitudes: the highest qubits are the bits of its number. A rotation of a low
qubit stays within each slice; for a high one, ranks that differ in its bit exchange their slices. Where it fits into
one process, the same circuit is computed there too, and compared.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

import pilot_quantum as pq

Amplitudes = npt.NDArray[np.complex128]


class Slice:
    """One rank's share of a state of `qubits` qubits, which begins as all zeros. world: the ranks, a power of two."""

    def __init__(self, qubits: int, world: Any) -> None:
        self.world = world
        self.rank = world.Get_rank()
        self.low = qubits - (world.Get_size().bit_length() - 1)
        self.amplitudes: Amplitudes = np.zeros(1 << self.low, np.complex128)
        self.amplitudes[0] = self.rank == 0

    def rotate(self, angle: float, qubit: int) -> None:
        """RY on one qubit."""
        cosine, sine = np.cos(angle / 2), np.sin(angle / 2)
        if qubit < self.low:
            pairs = self.amplitudes.reshape(-1, 2, 1 << qubit)
            zero, one = pairs[:, 0].copy(), pairs[:, 1].copy()
            pairs[:, 0], pairs[:, 1] = cosine * zero - sine * one, sine * zero + cosine * one
            return
        bit = 1 << (qubit - self.low)
        other = np.empty_like(self.amplitudes)
        self.world.Sendrecv(self.amplitudes, self.rank ^ bit, recvbuf=other, source=self.rank ^ bit)
        self.amplitudes = cosine * self.amplitudes + (sine if self.rank & bit else -sine) * other

    def flip_sign(self, first: int, second: int) -> None:
        """CZ on two qubits: the sign where both are one."""
        self.amplitudes[self._ones(first) & self._ones(second)] *= -1

    def z(self, qubit: int) -> float:
        """The expectation value of Z on one qubit."""
        chances = np.abs(self.amplitudes) ** 2
        return float(self.world.allreduce(float(chances.sum() - 2 * chances[self._ones(qubit)].sum())))

    def _ones(self, qubit: int) -> npt.NDArray[np.bool_]:
        """Where in this slice the qubit is one."""
        if qubit < self.low:
            return (np.arange(len(self.amplitudes)) >> qubit & 1).astype(bool)
        return np.full(len(self.amplitudes), bool(self.rank >> (qubit - self.low) & 1))


def angles(qubits: int, layers: int) -> npt.NDArray[np.float64]:
    """The same for everybody."""
    return np.random.default_rng(2024).uniform(0, np.pi, (layers, qubits))


def expectations(qubits: int, layers: int) -> list[float]:
    """Z of every qubit after layers of rotations and a chain of CZ: what each rank runs."""
    from mpi4py import MPI

    share = Slice(qubits, MPI.COMM_WORLD)
    for layer in angles(qubits, layers):
        for qubit, angle in enumerate(layer):
            share.rotate(angle, qubit)
        for qubit in range(qubits - 1):
            share.flip_sign(qubit, qubit + 1)
    return [share.z(qubit) for qubit in range(qubits)]


def reference(qubits: int, layers: int) -> list[float]:
    """The same by another way in one process: gates as small tensors, contracted with the whole state."""
    state = np.zeros((2,) * qubits)
    state[(0,) * qubits] = 1
    sign = np.array([[1, 1], [1, -1]])
    for layer in angles(qubits, layers):
        for qubit, angle in enumerate(layer):
            cosine, sine = np.cos(angle / 2), np.sin(angle / 2)
            state = np.moveaxis(np.tensordot([[cosine, -sine], [sine, cosine]], state, (1, qubit)), 0, qubit)
        for qubit in range(qubits - 1):
            state = state * sign.reshape((1,) * qubit + (2, 2) + (1,) * (qubits - qubit - 2))
    chances = state**2
    return [float((chances.take(0, qubit) - chances.take(1, qubit)).sum()) for qubit in range(qubits)]


def main(session: pq.Session) -> None:
    """Submit the ranks and, beside them, the reference."""
    qubits = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    ranks = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    parallel = session.submit_mpi(expectations, qubits, 3, ranks=ranks)
    serial = session.submit(reference, qubits, 3) if qubits <= 20 else None
    found = parallel.result()
    print(f"Z of {qubits} qubits on {ranks} ranks: {' '.join(f'{value:+.4f}' for value in found)}")
    if serial is not None:
        print(f"largest difference from one process: {np.abs(np.subtract(found, serial.result())).max():.1e}")
