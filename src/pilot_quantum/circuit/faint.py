"""Rotations so small that a simulator which drops small Schmidt coefficients would not see them."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

ROUNDING = 1e-12
"""What an angle may be off a multiple of π/2 without being meant to."""

FAINT = 1e-7
"""Radians, and Schmidt coefficients, below which entanglement may be lost: Aer drops coefficients below 1e-8."""


def faint(circuit: QuantumCircuit) -> float | None:
    """How far some gate of `circuit`, its parameters bound, is from one that entangles less; None where none is near.

    Angles count by their distance to a multiple of π/2, matrices on two qubits by their least Schmidt coefficient.
    Finite differences about such angles are what this is for: 1e-8 is all that they look at.
    """
    from qiskit.circuit.library import UnitaryGate

    for step in circuit.data:
        if step.is_standard_gate():
            for value in step.params:
                off = abs(float(value) - round(float(value) / (pi / 2)) * (pi / 2))
                if ROUNDING < off < FAINT:
                    return off
        elif len(step.qubits) == 2 and isinstance(step.operation, UnitaryGate):
            matrix = np.asarray(step.operation.params[0]).reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
            values = np.linalg.svd(matrix, compute_uv=False) / 2
            if len(found := values[(values > ROUNDING) & (values < FAINT)]):
                return float(found.min())
    return None
