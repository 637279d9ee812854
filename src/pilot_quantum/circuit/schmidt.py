"""Two-qubit gates as short sums of products of one-qubit gates: what lets a gate be cut.

Every two-qubit unitary is a local one, then exp(i(a XX + b YY + c ZZ)), then a local one (Cartan's KAK form; Kraus and
Cirac 2001), and the middle is a sum of four products of equal Paulis. One angle alone other than 0, as for cx, cz, cp,
rzz and all controlled rotations, leaves two products; none, a single one: the gate entangles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.errors import CircuitError

Matrix: TypeAlias = NDArray[np.complex128]

PAULIS: Matrix = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex)
"""I, X, Y, Z: shape (4, 2, 2)."""

NEGLIGIBLE = 1e-12
"""Angles (radians) below it count as 0: what rounding leaves of the angles that a gate does not have."""

_HADAMARD: Matrix = np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2)


@dataclass(frozen=True, eq=False)
class SchmidtForm:
    """U = Σ_t c_t A_t ⊗ B_t with unitary A_t and B_t: the gate's first qubit sees A_t, its second B_t.

    coefficients: c, shape (terms,), the sum of |c|² is 1. paulis: for each term which Pauli of `PAULIS` is its middle;
    (0,), (0, 3) or (0, 1, 2, 3). before, after: one-qubit unitaries of either side, so that A_t = after[0] @
    PAULIS[paulis[t]] @ before[0], and B_t alike with [1].
    """

    coefficients: Matrix
    paulis: tuple[int, ...]
    before: tuple[Matrix, Matrix]
    after: tuple[Matrix, Matrix]

    def terms(self, side: int) -> Matrix:
        """The unitaries of one side: shape (terms, 2, 2)."""
        return self.after[side] @ PAULIS[list(self.paulis)] @ self.before[side]

    def matrix(self) -> Matrix:
        """The gate itself in Qiskit's order of basis states (its first qubit is the least significant bit)."""
        a, b = self.terms(0), self.terms(1)
        return np.asarray(np.einsum("t,tij,tkl->kilj", self.coefficients, a, b).reshape(4, 4))

    @cached_property
    def overhead(self) -> float:
        """κ², the factor by which cutting this gate multiplies the shots for a given error.

        κ is the one-norm of the quasi-probability decomposition of `circuit.quasi`, which is that of Mitarai
        and Fujii (Quantum 5, 388, 2021): 1 + 2 Σ_{s≠t} |c_s||c_t| where all c_s c_t* are real or imaginary.
        """
        c = self.coefficients
        cross = np.triu(np.outer(c, c.conj()), 1)
        return float((1 + 4 * (np.abs(cross.real) + np.abs(cross.imag)).sum()) ** 2)


def schmidt_form(unitary: Matrix) -> SchmidtForm:
    """The Schmidt form of a two-qubit gate, to about 1e-13.

    unitary: shape (4, 4), in Qiskit's order of basis states. Raises CircuitError where it is not unitary.
    """
    matrix = np.ascontiguousarray(unitary, dtype=complex)
    return _schmidt_form(matrix.tobytes())


@lru_cache(maxsize=1024)
def _schmidt_form(content: bytes) -> SchmidtForm:
    from qiskit.synthesis import TwoQubitWeylDecomposition

    unitary = np.frombuffer(content, dtype=complex).reshape(4, 4)
    if not np.allclose(unitary @ unitary.conj().T, np.eye(4), atol=1e-9):
        raise CircuitError("a gate that is to be cut has a matrix that is not unitary; only unitary gates can be cut.")
    # Without a fidelity it does not round the gate to a nearby one of a simpler kind.
    weyl = TwoQubitWeylDecomposition(unitary, fidelity=None)
    angles = [0.0 if abs(angle) < NEGLIGIBLE else float(angle) for angle in (weyl.a, weyl.b, weyl.c)]
    before, after = (weyl.K2r, weyl.K2l), (np.exp(1j * weyl.global_phase) * weyl.K1r, weyl.K1l)
    a, b, c = angles
    if b == 0 and c == 0:
        # X = H Z H: with a middle of I and Z alone, one kind of cut serves all gates of two terms.
        first, second = ((_HADAMARD @ before[0], _HADAMARD @ before[1]), (after[0] @ _HADAMARD, after[1] @ _HADAMARD))
        if a == 0:
            return SchmidtForm(np.ones(1, dtype=complex), (0,), first, second)
        return SchmidtForm(np.array([np.cos(a), 1j * np.sin(a)]), (0, 3), first, second)
    return SchmidtForm(_middle(a, b, c), (0, 1, 2, 3), before, after)


def _middle(a: float, b: float, c: float) -> Matrix:
    """The coefficients of II, XX, YY, ZZ in exp(i(a XX + b YY + c ZZ))."""
    # The four commute; in their common eigenbasis, the Bell states, (XX, YY, ZZ) have these signs.
    signs = np.array([[1, -1, 1], [1, 1, -1], [-1, 1, 1], [-1, -1, -1]])
    phases = np.exp(1j * signs @ np.array([a, b, c]))
    return np.asarray(np.concatenate([[phases.sum()], signs.T @ phases]) / 4)
