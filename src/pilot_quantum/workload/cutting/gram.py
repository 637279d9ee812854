"""What a fragment contributes to expectation values: the overlaps of its variants' final states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.workload.pauli import PauliTerms

Complexes = NDArray[np.complex128]

_PHASES = (1.0, 1j, -1.0, -1j)  # i^n

COLUMNS = 2**16
"""Amplitudes of a variant that are handled at a time, so that what is made of them stays in a core's cache."""


def gram_tensors(psi: Complexes, terms: PauliTerms) -> Complexes:
    """<psi_b|P|psi_a> for every Pauli string P: shape (strings, variants a, variants b).

    psi: shape (variants, 2^qubits), not normalised. terms: on these qubits. A string is i^|x&z| X^x Z^z, so that
    (P psi)[k] = i^|x&z| (-1)^|(k^x)&z| psi[k^x].
    """
    variants, size = psi.shape
    found = np.empty((len(terms), variants, variants), dtype=complex)
    masks = 1 << np.arange(terms.x.shape[1], dtype=np.int64)
    ys = (terms.x & terms.z).sum(axis=1) % 4
    strings = list(zip(found, terms.x @ masks, terms.z @ masks, ys.tolist(), strict=True))
    for start in range(0, size, COLUMNS):
        places = np.arange(start, min(size, start + COLUMNS))
        block = psi[:, start : start + COLUMNS]
        bra = block.conj().T
        for tensor, x, z, y in strings:
            source = places ^ x
            moved = block if x == 0 else psi[:, source]
            if z:
                # The phase goes here as well, for there are fewer amplitudes than pairs of variants.
                moved = moved * (_PHASES[y] * (1.0 - 2.0 * parity(source & z)))
            if start == 0:
                np.matmul(moved, bra, out=tensor)
            else:
                tensor += moved @ bra
    return found


def parity(masks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whether the number of bits set in each is odd: 0 or 1."""
    masks = masks.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        masks ^= masks >> shift
    return masks & 1


def marginal_tensors(psi: Complexes, measured: NDArray[np.intp], qubits: int) -> Complexes:
    """Σ_rest psi_a(y, rest) psi_b(y, rest)* for every outcome y: shape (2^measured, variants a, variants b).

    measured: qubits, lowest first: the first of them is the least significant bit of y.
    """
    variants = len(psi)
    axes = [1 + qubits - 1 - qubit for qubit in measured[::-1].tolist()]
    rest = [axis for axis in range(1, qubits + 1) if axis not in axes]
    by_outcome = psi.reshape(variants, *(2,) * qubits).transpose(*axes, 0, *rest)
    by_outcome = by_outcome.reshape(2 ** len(measured), variants, -1)
    return np.asarray(by_outcome @ by_outcome.conj().transpose(0, 2, 1))
