"""Expectation values of many Pauli strings on one state vector.

With masks x and z (bit q set where the string has X or Y, Z or Y on qubit q) and y = |x & z|, a string is i^y X^x Z^z:

    <P> = i^y sum_k conj(psi[k ^ x]) psi[k] (-1)^|k & z|

Strings with the same x share the products; over them, the signed sums of all z are a Walsh-Hadamard transform of which
only the outputs asked for are computed. So 17 neighbouring ZZ cost about 3 passes over the probabilities, not 17.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import SparseObservable

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Bits = NDArray[np.bool_]
Masks = NDArray[np.int64]

SIGN_TABLE = 2**15  # entries up to which a table of signs is faster than a transform
_Z, _X = 1, 2  # bits of qiskit.quantum_info.SparseObservable.BitTerm for Paulis; Y has both


@dataclass(frozen=True, slots=True)
class PauliTerms:
    """Pauli strings: `x` and `z`, of shape (strings, qubits), say where each has X or Y, and Z or Y."""

    x: Bits
    z: Bits

    def __len__(self) -> int:
        return len(self.x)

    def labels(self) -> list[str]:
        """As Qiskit writes them: qubit 0 last."""
        letters = np.array(list("IZXY"))[self.z + 2 * self.x.astype(int)]
        return ["".join(row[::-1]) for row in letters]

    def on(self, qubits: list[int]) -> tuple[PauliTerms, Floats]:
        """These strings on `qubits` alone, and the factor from the others, all in state 0: 1, or 0 under X or Y."""
        others = np.ones(self.x.shape[1], dtype=bool)
        others[qubits] = False
        return PauliTerms(self.x[:, qubits], self.z[:, qubits]), np.where(self.x[:, others].any(axis=1), 0.0, 1.0)

    def only(self, which: NDArray[np.intp]) -> PauliTerms:
        """The strings at the positions `which`."""
        return PauliTerms(self.x[which], self.z[which])

    def expectations(self, state: Complexes) -> Floats:
        """The expectation value of every string in `state`, of 2^qubits amplitudes and norm 1."""
        return expectations(state, _masks(self.x), _masks(self.z))


def paulis_of(observable: SparseObservable) -> tuple[PauliTerms, Floats]:
    """The Pauli strings of a Hermitian observable, projectors expanded, and their coefficients."""
    letters = np.asarray(observable.bit_terms, dtype=np.uint8)
    if letters.size and letters.max() > _X | _Z:
        observable = observable.as_paulis()
        letters = np.asarray(observable.bit_terms, dtype=np.uint8)
    rows = np.repeat(np.arange(observable.num_terms), np.diff(observable.boundaries).astype(np.intp))
    where = rows, np.asarray(observable.indices, dtype=np.intp)
    x, z = np.zeros((2, observable.num_terms, observable.num_qubits), dtype=bool)
    x[where], z[where] = letters & _X, letters & _Z
    return PauliTerms(x, z), np.real(observable.coeffs).astype(float)


def expectations(state: Complexes, x: Masks, z: Masks) -> Floats:
    """<P> of every string i^|x & z| X^x Z^z in `state`: real, one a string."""
    values = np.empty(len(x))
    for flips in np.unique(x):
        group = np.flatnonzero(x == flips)
        if flips == 0:
            weights = state.real**2
            weights += state.imag**2
            values[group] = walsh(weights, z[group])
        else:
            values[group] = _off_diagonal(state, int(flips), z[group])
    return values


def _off_diagonal(state: Complexes, x: int, z: Masks) -> Floats:
    # The terms of k and k ^ x are conjugates, so those k whose bit at x's highest place is 0 suffice.
    top = x.bit_length() - 1
    low = 1 << top
    halves = state.reshape(-1, 2, low)
    partner = halves[:, 1, :]
    if x != low:
        partner = partner[:, np.arange(low) ^ (x ^ low)]
    products = (partner.conj() * halves[:, 0, :]).reshape(-1)
    without_top = ((z >> (top + 1)) << top) | (z & (low - 1))
    sums = walsh(products, without_top)
    phases = np.array([1, 1j, -1, -1j])[_ones(z & x) % 4]
    return np.asarray(2 * np.real(phases * sums))


def walsh(weights: NDArray[Any], masks: Masks) -> NDArray[Any]:
    """sum_k weights[k] (-1)^|k & mask| for every mask; `weights`, real or complex, has 2^n entries."""
    if len(masks) * len(weights) <= SIGN_TABLE:
        signs = _signs(len(weights), masks.tobytes())
        parts = signs @ weights.view(np.float64).reshape(len(weights), -1)
        return np.asarray(parts.view(weights.dtype)[:, 0])
    wanted, positions = np.unique(masks, return_inverse=True)
    rows = weights.reshape(1, -1)  # one row for each distinct beginning of a mask, highest bit first
    beginnings = np.zeros(1, dtype=np.int64)
    for bit in reversed(range(len(weights).bit_length() - 1)):
        nodes = np.unique(wanted >> bit)
        parents = np.searchsorted(beginnings, nodes >> 1)
        odd = (nodes & 1).astype(bool)
        half = rows.shape[1] // 2
        if half < len(nodes):
            signs = np.where(odd, -1.0, 1.0)[:, None]
            halves = rows[parents, :half] + signs * rows[parents, half:]
        else:  # few and long: no copies of them
            halves = np.empty((len(nodes), half), dtype=weights.dtype)
            for node, (parent, minus) in enumerate(zip(parents, odd, strict=True)):
                combine = np.subtract if minus else np.add
                combine(rows[parent, :half], rows[parent, half:], out=halves[node])
        rows, beginnings = halves, nodes
    return np.asarray(rows[positions, 0])


@lru_cache(maxsize=32)
def _signs(length: int, masks: bytes) -> Floats:
    return np.asarray(1.0 - 2.0 * (_ones(np.frombuffer(masks, dtype=np.int64)[:, None] & np.arange(length)) & 1))


def _ones(masks: Masks) -> Masks:
    """How many bits are set in each; like NumPy 2's bitwise_count, which NumPy 1.26 lacks."""
    count = np.zeros_like(masks)
    while masks.any():
        count += masks & 1
        masks = masks >> 1
    return count


def _masks(bits: Bits) -> Masks:
    return bits @ (1 << np.arange(bits.shape[1], dtype=np.int64))
