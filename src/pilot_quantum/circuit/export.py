"""Writing a `Program` as OpenQASM 2, OpenQASM 3 or a Qiskit circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilot_quantum.circuit.program import Gate, Program

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_NOT_IN_STDGATES = {"rzz": "gate rzz(theta) a, b { cx a, b; rz(theta) b; cx a, b; }"}
"""Gates that OpenQASM 3's standard library lacks; OpenQASM 2 readers have them in Qiskit's qelib1.inc."""


def openqasm2(program: Program) -> str:
    """The program as OpenQASM 2 (arXiv:1707.03429) with the gates of Qiskit's qelib1.inc."""
    lines = [_title(program), "OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{program.qubits}];"]
    if program.measured:
        lines.append(f"creg c[{program.measured}];")
    lines += [_call(gate) for gate in program.gates]
    lines += [f"measure q[{qubit}] -> c[{qubit}];" for qubit in range(program.measured)]
    return "\n".join(lines) + "\n"


def openqasm3(program: Program) -> str:
    """The program as OpenQASM 3 with stdgates.inc (https://openqasm.com)."""
    used = {gate.name for gate in program.gates}
    lines = [_title(program), "OPENQASM 3.0;", 'include "stdgates.inc";']
    lines += [definition for name, definition in _NOT_IN_STDGATES.items() if name in used]
    lines.append(f"qubit[{program.qubits}] q;")
    if program.measured:
        lines.append(f"bit[{program.measured}] c;")
    lines += [_call(gate) for gate in program.gates]
    lines += [f"c[{qubit}] = measure q[{qubit}];" for qubit in range(program.measured)]
    return "\n".join(lines) + "\n"


def qiskit_circuit(program: Program) -> QuantumCircuit:
    """The program as a Qiskit circuit of the same name; measured bits go to a register `c`."""
    from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister

    registers = [QuantumRegister(program.qubits, "q")]
    if program.measured:
        registers.append(ClassicalRegister(program.measured, "c"))
    circuit = QuantumCircuit(*registers, name=program.name)
    for gate in program.gates:
        getattr(circuit, gate.name)(*gate.angles, *gate.qubits)
    if program.measured:
        circuit.measure(range(program.measured), range(program.measured))
    return circuit


def _title(program: Program) -> str:
    sizes = f"{program.qubits} qubits, {len(program.gates)} gates"
    return f"// {program.family}, {sizes}; written by pilot_quantum.circuit.families"


def _call(gate: Gate) -> str:
    angles = f"({', '.join(map(repr, gate.angles))})" if gate.angles else ""
    return f"{gate.name}{angles} {', '.join(f'q[{qubit}]' for qubit in gate.qubits)};"
