"""Angles that are no numbers, refused by the gate that has them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def require_finite(circuit: QuantumCircuit) -> None:
    """Raise CircuitError where a gate of `circuit`, or of a body of its control flow, has an angle that is not finite.

    Half a microsecond a gate: for where something has gone wrong, or what is done once.
    """
    for place, step in enumerate(circuit.data):
        for value in step.params:
            if isinstance(value, float) and not isfinite(value):
                raise not_finite(f"instruction {place}, {step.name!r}", value)
        if step.is_control_flow():
            for block in step.operation.blocks:
                require_finite(block)


def not_finite(gate: str, value: float) -> CircuitError:
    """The error for an angle of `gate`."""
    return CircuitError(f"{gate}, has the angle {value}, which is no finite number. Give it a finite one, in radians.")
