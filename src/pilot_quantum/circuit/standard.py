"""Circuits in standard gates: what is composed of others is opened, and nothing is optimised."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, QuantumCircuit

_SILENT = frozenset(["barrier", "delay", "measure", "reset", "initialize"])


def opened(
    circuit: QuantumCircuit,
    widest: int | None = None,
    names: Collection[str] | None = None,
    kept: Collection[str] = (),
) -> QuantumCircuit:
    """`circuit` with its composite gates replaced by what they are defined as; unchanged where there are none.

    Gates that are matrices on one or two qubits stay, as do those that have no definition. widest: standard gates on
    more qubits are opened, too (a Toffoli gate, with 2), but those that are called as in `kept`; names: and those that
    are called otherwise; None: none are.
    """
    if not any(_to_open(step, widest, names, kept) for step in circuit.data):
        return circuit
    flat = circuit.copy_empty_like()
    for step in circuit.data:
        if _to_open(step, widest, names, kept):
            inner = opened(step.operation.definition, widest, names, kept)
            flat.compose(inner, step.qubits, step.clbits, inplace=True, copy=False)
        else:
            flat._append(step)
    return flat


def unitary_of(instruction: CircuitInstruction) -> NDArray[np.complex128]:
    """What simulators make of a gate, its first qubit the low bit: of an evolution the product formula that it is
    defined as, not the exponential that its `to_matrix` gives. Raises QiskitError where it has no matrix.
    """
    from qiskit.circuit import QuantumCircuit
    from qiskit.quantum_info import Operator

    if instruction.is_standard_gate():
        return np.asarray(Operator(instruction.operation).data, dtype=complex)
    alone = QuantumCircuit(len(instruction.qubits))
    alone.append(instruction.operation, alone.qubits)
    return np.asarray(Operator(opened(alone)).data, dtype=complex)


def _to_open(step: Any, widest: int | None, names: Collection[str] | None, kept: Collection[str]) -> bool:
    if step.is_standard_gate():
        other = names is not None and step.name not in names and step.name != "global_phase"
        wide = widest is not None and len(step.qubits) > widest and step.name not in kept
        return (other or wide) and step.operation.definition is not None
    if step.name in _SILENT:
        return False
    from qiskit.circuit import ControlFlowOp
    from qiskit.circuit.library import UnitaryGate

    operation = step.operation
    if isinstance(operation, ControlFlowOp) or (isinstance(operation, UnitaryGate) and len(step.qubits) <= 2):
        return False
    return operation.definition is not None
