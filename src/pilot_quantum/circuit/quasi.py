"""Links as quasi-probability decompositions: signed sums of operations that a machine can carry out on either side.

A cut gate U = Σ_t c_t P_t ⊗ P_t takes r ⊗ q to Σ_{s,t} c_s c_t* (P_s r P_t) ⊗ (P_s q P_t). With R(r) = (P_s r P_t +
P_t r P_s)/2 and J(r) = (P_s r P_t - P_t r P_s)/2i, the terms (s, t) and (t, s) together are 2 Re(z)(R⊗R - J⊗J) -
2 Im(z)(R⊗J + J⊗R), z = c_s c_t*. Of R and J one is the difference of a measurement's two outcomes, the other half the
difference of two unitaries (Mitarai and Fujii, Quantum 5, 388, 2021). A cut wire takes r to Σ_P ½ Tr(r P) P over the
four Paulis (Peng et al., PRL 125, 150504, 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.fragments import Link

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-12
"""Weights below it are left out with their subexperiments."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One thing done at a leg: a unitary, a state prepared, or a measurement whose outcome counts with a sign.

    rows: shape (outcomes, terms): the state that is left is the sum of the link's terms with these weights. The terms
    are Paulis for a gate, |0> and |1> for an incoming wire. signs: of the outcomes, 1 or -1.
    """

    rows: Complexes
    signs: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Σ_{u,v} weights[u, v] of operation u at side 0 and v at side 1.

    first: the operations of side 0; of an outgoing wire None, and u says which of I, X, Y, Z is measured.
    """

    first: tuple[Operation, ...] | None
    second: tuple[Operation, ...]
    weights: Floats


def decomposition(link: Link) -> Decomposition:
    """The decomposition of a link; its one-norm is the square root of the link's overhead."""
    return _gate(link) if link.paulis else _WIRE


def _gate(link: Link) -> Decomposition:
    c, terms = link.coefficients, link.terms
    unit = np.eye(terms, dtype=complex)
    operations = [Operation(unit[[t]], np.ones(1)) for t in range(terms)]
    entries = {(t, t): float(abs(c[t]) ** 2) for t in range(terms)}

    def unitaries(one: Complexes, other: Complexes) -> list[tuple[int, float]]:
        operations.extend(Operation(row[None] / np.sqrt(2), np.ones(1)) for row in (one, other))
        return [(len(operations) - 2, 0.5), (len(operations) - 1, -0.5)]

    def measurement(one: Complexes, other: Complexes) -> list[tuple[int, float]]:
        operations.append(Operation(np.stack([one, other]) / 2, np.array([1.0, -1.0])))
        return [(len(operations) - 1, 1.0)]

    for s in range(terms):
        for t in range(s + 1, terms):
            real = (unit[s] + unit[t], unit[s] - unit[t])
            imaginary = (unit[s] + 1j * unit[t], unit[s] - 1j * unit[t])
            # 1 ± P are projectors; two other Paulis anticommute, so that it is the other way round.
            r = measurement(*real) if link.paulis[s] == 0 else unitaries(*real)
            j = unitaries(*imaginary) if link.paulis[s] == 0 else measurement(*imaginary)
            z = complex(c[s] * np.conj(c[t]))
            pairs = ((r, r, 2 * z.real), (j, j, -2 * z.real), (r, j, -2 * z.imag), (j, r, -2 * z.imag))
            for left, right, weight in pairs:
                for u, a in left:
                    for v, b in right:
                        entries[u, v] = entries.get((u, v), 0.0) + weight * a * b
    weights = np.zeros((len(operations), len(operations)))
    for (u, v), weight in entries.items():
        weights[u, v] = weight if abs(weight) > NEGLIGIBLE else 0.0
    first, second = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
    return Decomposition(
        tuple(operations[u] for u in first),
        tuple(operations[v] for v in second),
        weights[np.ix_(first, second)],
    )


def _wire() -> Decomposition:
    half = np.sqrt(0.5)
    states = [[1, 0], [0, 1], [half, half], [half, -half], [half, 1j * half], [half, -1j * half]]
    second = tuple(Operation(np.array([state], dtype=complex), np.ones(1)) for state in states)
    weights = np.zeros((4, 6))
    weights[0, :2] = 0.5
    weights[1, 2:4] = 0.5, -0.5
    weights[2, 4:] = 0.5, -0.5
    weights[3, :2] = 0.5, -0.5
    return Decomposition(None, second, weights)


_WIRE = _wire()
