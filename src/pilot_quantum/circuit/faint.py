"""Rotations so small that a simulator which drops small Schmidt coefficients would not see them, or not all of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

ROUNDING = 1e-12
"""What an angle may be off a multiple of π/2 without being meant to."""

FAINT = 1e-7
"""Radians, and Schmidt coefficients, below which entanglement may be lost: Aer drops coefficients below 1e-8."""

SMALL = 1e-3
"""Radians from which what gates lose before a coefficient is large enough to stay is no more than is lost at once."""

DROPPED = 1e-8
"""The largest Schmidt coefficient that is dropped."""

TOLERATED = 2e-6
"""What all that small gates may lose may come to."""


def faint(circuit: QuantumCircuit) -> str:
    """Why a matrix-product state as Aer has it would miss what gates of `circuit`, its parameters bound, do; "" where
    it would not.

    Gates count by how far they are from one that entangles less: angles by their distance to a multiple of π/2,
    matrices on two qubits by their least Schmidt coefficient. One that is very near is not seen: finite differences
    about such angles look at no more than 1e-8. Many that are near, as in an evolution in tiny steps, lose up to 1e-8
    each, always in the same direction.
    """
    found = [off for off in _offs(circuit) if ROUNDING < off < SMALL]
    if found and (least := min(found)) < FAINT:
        return (
            f"a gate is {least:.2g} off one that entangles less, and Aer's matrix-product state drops Schmidt "
            f"coefficients below {DROPPED:g}: it would not see the difference"
        )
    if len(found) * DROPPED > TOLERATED:
        return (
            f"{len(found)} gates are less than {SMALL:g} off ones that entangle less, and at each Aer's matrix-product "
            f"state may drop a Schmidt coefficient of up to {DROPPED:g}: together {len(found) * DROPPED:.1g}. Take "
            "fewer and larger steps"
        )
    return ""


def _offs(circuit: QuantumCircuit) -> Iterator[float]:
    from qiskit.circuit.library import UnitaryGate

    for step in circuit.data:
        if step.is_standard_gate():
            for value in step.params:
                yield abs(float(value) - round(float(value) / (pi / 2)) * (pi / 2))
        elif len(step.qubits) == 2 and isinstance(step.operation, UnitaryGate):
            matrix = np.asarray(step.operation.params[0]).reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
            yield from (np.linalg.svd(matrix, compute_uv=False) / 2).tolist()
