"""A circuit rewritten into what Aer runs, with the same effect: no optimisation."""

from __future__ import annotations

import pilot_quantum.workload.blas  # noqa: F401 - before Aer loads its library

# isort: split
from functools import cache

from qiskit import transpile
from qiskit.circuit import BoxOp, CircuitInstruction, ForLoopOp, Gate, QuantumCircuit
from qiskit.circuit.library import Initialize, StatePreparation
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.transpiler import Target
from qiskit.transpiler.passes import UnrollForLoops
from qiskit_aer.backends.backend_utils import BASIS_GATES
from qiskit_aer.backends.name_mapping import NAME_MAPPING

from pilot_quantum.circuit.standard import opened
from pilot_quantum.workload.traits import is_inlined

# "multiplexer" is left out: Qiskit's may be meant up to a diagonal, Aer's never is.
GATES = frozenset(BASIS_GATES["statevector"]) - {"store", "multiplexer"}
OTHERS = frozenset(["measure", "reset", "barrier", "delay", "initialize", "store"])
CONTROL = frozenset(["if_else", "while_loop", "for_loop", "switch_case", "break_loop", "continue_loop"])
BASIS = GATES | OTHERS | CONTROL
MPS_BASIS = BASIS - (GATES - frozenset(BASIS_GATES["matrix_product_state"]))


def flatten(circuit: QuantumCircuit) -> QuantumCircuit:
    """`circuit` in Aer's gates, static loops unrolled and boxes opened; unchanged where it already is."""
    if all(inst.is_standard_gate() and inst.name in GATES for inst in circuit.data):
        return circuit
    if any(type(inst.operation) is ForLoopOp for inst in circuit.data):
        circuit = UnrollForLoops()(circuit)
    if any(inst.is_control_flow() for inst in circuit.data):
        circuit = _with_flat_bodies(circuit)
    if any(_to_open(inst) for inst in circuit.data):
        circuit = flatten(_opened(circuit))
    if all(inst.name in BASIS for inst in circuit.data):
        return circuit
    flat: QuantumCircuit = transpile(circuit, target=_target(), optimization_level=0)
    return flat


def flatten_for_mps(circuit: QuantumCircuit) -> QuantumCircuit:
    """`circuit` in the gates that Aer takes for a matrix-product state: of controlled ones, few."""
    return opened(flatten(circuit), names=MPS_BASIS)  # a transpiler's first use would take seconds


def as_gates(circuit: QuantumCircuit) -> QuantumCircuit:
    """`circuit` in standard gates, and matrices on one or two qubits, alone: what plans are made for.

    It is one that ends in a state: resets and initialisations stand before all else on their qubits, and the latter
    become gates.
    """
    flat = flatten(circuit)
    if all(inst.is_standard_gate() for inst in flat.data):
        return flat
    gates = flat.copy_empty_like()
    for inst in flat.data:
        if inst.name == "initialize":
            gates.append(StatePreparation(inst.params), inst.qubits)
        elif inst.name not in OTHERS:
            gates._append(inst)
    return opened(gates)


@cache
def _target() -> Target:
    standard = get_standard_gate_name_mapping()
    names = sorted(BASIS & (standard.keys() | NAME_MAPPING.keys()))
    return Target.from_configuration(basis_gates=names, custom_name_mapping=NAME_MAPPING)


def _with_flat_bodies(circuit: QuantumCircuit) -> QuantumCircuit:
    flat = circuit.copy_empty_like()
    for inst in circuit.data:
        if inst.is_control_flow() and inst.operation.blocks:
            inst = inst.replace(operation=inst.operation.replace_blocks([flatten(b) for b in inst.operation.blocks]))
        flat._append(inst)
    return flat


def _opened(circuit: QuantumCircuit) -> QuantumCircuit:
    opened = circuit.copy_empty_like()
    for instruction in circuit.data:
        if instruction.name == "global_phase":
            continue
        if _to_open(instruction):
            operation = instruction.operation
            inner = operation.blocks[0] if isinstance(operation, BoxOp) else operation.definition
            opened.compose(inner, instruction.qubits, instruction.clbits, inplace=True, copy=False)
        else:
            opened._append(instruction)
    return opened


def _to_open(instruction: CircuitInstruction) -> bool:
    """What Aer would not run, or, as a user's own gate with the name of one that Aer knows, not as it is meant."""
    if instruction.is_standard_gate():
        return bool(instruction.name == "global_phase")  # no outcome depends on it
    operation = instruction.operation
    if isinstance(operation, BoxOp):
        return is_inlined(operation)
    if isinstance(operation, Initialize):  # Aer takes amplitudes alone, not a label or a number
        return len(operation.params) == 1 or not isinstance(operation.params[0], complex)
    if not isinstance(operation, Gate) or operation.name not in GATES:
        return False
    known = (operation.base_class.__module__ or "").startswith("qiskit.circuit.library")
    return not known and operation.definition is not None
