"""What a circuit does, as far as it decides how it is simulated, divided and sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    Gate,
    Instruction,
    Measure,
    QuantumCircuit,
    Qubit,
    Reset,
    Store,
)
from qiskit.circuit.library import Initialize

CLIFFORD = frozenset(["id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr"])
FEW_QUBITS = 20  # up to here neither the width in use nor the gates' kind makes a difference

_BESIDE_GATES = (Measure, Reset, Barrier, Delay, Store, BreakLoopOp, ContinueLoopOp)

Wires = dict[Qubit, Qubit]


@dataclass(frozen=True, slots=True)
class Traits:
    """What one circuit does.

    instructions: how many it has, bodies counted once. active_qubits: how many it acts on or measures. standard: made
    of Qiskit's own standard gates, measurements, resets, barriers, delays and control flow alone. clifford: by its
    gates' names. measures: it measures. dynamic: what happens to a qubit depends on a measurement, a reset of a used
    qubit, or classical control, so that every shot runs by itself. impure: why its final state is no state vector (""
    if it is one), measurements at the end left aside.
    """

    instructions: int
    active_qubits: int
    standard: bool = True
    clifford: bool = False
    measures: bool = False
    dynamic: bool = False
    impure: str = ""


def traits_of(circuit: QuantumCircuit) -> Traits:
    """The traits of `circuit`; a narrow one of standard gates alone, as in most loops, is seen at a glance."""
    if circuit.num_qubits <= FEW_QUBITS and all(inst.is_standard_gate() for inst in circuit.data):
        return Traits(len(circuit.data), circuit.num_qubits)
    return _Reader().read(circuit)


class _Reader:
    """One pass over all instructions, those in bodies and in composite instructions included."""

    def __init__(self) -> None:
        self.count = 0
        self.used: set[Qubit] = set()
        self.measured: set[Qubit] = set()
        self.clifford = True
        self.controlled = self.remeasured = False
        self.impure = ""

    def read(self, circuit: QuantumCircuit) -> Traits:
        for instruction, wires in _leaves(circuit, {qubit: qubit for qubit in circuit.qubits}):
            self.count += 1
            self._see(instruction, {wires[qubit] for qubit in instruction.qubits})
        return Traits(
            instructions=self.count,
            active_qubits=len(self.used | self.measured),
            standard=all(map(_standard, circuit.data)),
            clifford=self.clifford,
            measures=bool(self.measured),
            dynamic=self.controlled or self.remeasured or bool(self.impure),
            impure=self.impure or ("classical control" if self.controlled else ""),
        )

    def _see(self, instruction: CircuitInstruction, qubits: set[Qubit]) -> None:
        operation = instruction.operation
        if isinstance(operation, Barrier | Delay):
            return
        if isinstance(operation, Measure):
            self.measured |= qubits
            return
        self.remeasured |= bool(self.measured & qubits)
        if isinstance(operation, Reset | Initialize):
            if qubits & (self.used | self.measured):
                self.impure = self.impure or f"'{operation.name}' on a qubit that was used before"
            if isinstance(operation, Reset):
                return
        elif not instruction.is_standard_gate():
            if isinstance(operation, ControlFlowOp | BreakLoopOp | ContinueLoopOp | Store):
                self.controlled = True
            elif isinstance(operation, Instruction) and not isinstance(operation, Gate):
                self.impure = self.impure or f"'{operation.name}', which is no gate"
        self.clifford = self.clifford and operation.name in CLIFFORD
        self.used |= qubits


def _leaves(circuit: QuantumCircuit, wires: Wires) -> Iterator[tuple[CircuitInstruction, Wires]]:
    """The instructions of `circuit` and of what it contains, each with its qubits' names in the outermost circuit."""
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            if not is_inlined(operation):
                yield instruction, wires
            for block in operation.blocks:
                yield from _leaves(block, _rewired(block, instruction, wires))
        elif _composite(instruction) and operation.definition is not None:
            yield from _leaves(operation.definition, _rewired(operation.definition, instruction, wires))
        else:
            yield instruction, wires


def _rewired(inner: QuantumCircuit, instruction: CircuitInstruction, wires: Wires) -> Wires:
    return {mine: wires[outer] for mine, outer in zip(inner.qubits, instruction.qubits, strict=True)}


def _standard(instruction: CircuitInstruction) -> bool:
    if instruction.is_standard_gate():
        return True
    operation = instruction.operation
    if isinstance(operation, ControlFlowOp):
        return all(_standard(inst) for block in operation.blocks for inst in block.data)
    return getattr(operation, "base_class", None) in _BESIDE_GATES


def _composite(instruction: CircuitInstruction) -> bool:
    """An instruction that is no gate, made of others: what `QuantumCircuit.to_instruction` returns."""
    operation = instruction.operation
    return type(operation) is Instruction


def is_inlined(operation: ControlFlowOp) -> bool:
    """Whether this control flow depends on nothing that is measured: a box, or a loop that nothing leaves early."""
    if isinstance(operation, BoxOp):
        return True
    if not isinstance(operation, ForLoopOp):
        return False
    (body,) = operation.blocks
    return not any(isinstance(inst.operation, BreakLoopOp | ContinueLoopOp) for inst in _inner(body))


def _inner(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    """All instructions of `circuit`, those in bodies included."""
    for instruction in circuit.data:
        yield instruction
        if isinstance(instruction.operation, ControlFlowOp):
            for block in instruction.operation.blocks:
                yield from _inner(block)
