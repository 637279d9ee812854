"""Gates that a file defines itself, replaced by their definitions.

Simulators and transpilers know gates by name. A file may define its own `rzz` that is not Qiskit's, and
Aer would run its built-in one: a wrong value and no error. Written out, every gate that is left means what
its name says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


def inline_definitions(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without gates that only their definition explains; `circuit` itself when it has none."""
    from qiskit.circuit import ControlFlowOp

    if not any(_is_defined(step) or isinstance(step.operation, ControlFlowOp) for step in circuit.data):
        return circuit
    plain = circuit.copy_empty_like()
    for step in circuit.data:
        if isinstance(step.operation, ControlFlowOp):
            blocks = [inline_definitions(block) for block in step.operation.blocks]
            plain.append(step.operation.replace_blocks(blocks), step.qubits, step.clbits)
        elif _is_defined(step):
            body = inline_definitions(step.operation.definition)
            plain.compose(body, step.qubits, step.clbits, inplace=True, copy=False)
        else:
            plain.append(step)
    return plain


def undefined_gate(circuit: QuantumCircuit) -> str | None:
    """Name of the first gate that is a mere name, which nothing can run; None when all are known.

    OpenQASM 2 calls such gates `opaque`.
    """
    from qiskit.circuit import ControlFlowOp

    for step in circuit.data:
        if isinstance(step.operation, ControlFlowOp):
            for block in step.operation.blocks:
                if name := undefined_gate(block):
                    return name
        elif _is_bare(step) and step.operation.definition is None:
            return str(step.operation.name)
    return None


def _is_defined(step: Any) -> bool:
    return _is_bare(step) and step.operation.definition is not None


def _is_bare(step: Any) -> bool:
    """Whether the gate is a name and nothing more, not one of Qiskit's own classes."""
    from qiskit.circuit import ControlledGate, Gate, Instruction

    kind = type(step.operation)
    return (kind in (Gate, Instruction, ControlledGate) or kind.__module__ == "qiskit.qasm2.parse") and (
        not step.is_standard_gate()
    )
