"""What runs in workers on the other side of the cutting benchmark."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli


def sampler_job(circuit: QuantumCircuit, *, shots: int) -> Any:
    """One subexperiment of the reference: an Aer SamplerV2 job on one thread."""
    from qiskit_aer.primitives import SamplerV2

    return SamplerV2(options={"backend_options": {"max_parallel_threads": 1}}).run([circuit], shots=shots).result()[0]


def aer(circuit: QuantumCircuit, observed: int, threads: int = 1, method: str = "statevector") -> float:
    """Z on one qubit by Aer."""
    from qiskit_aer import AerSimulator

    circuit = circuit.copy()
    circuit.save_expectation_value(Pauli("Z"), [observed])
    result = AerSimulator(method=method, max_parallel_threads=threads).run(circuit, shots=1).result()
    return float(result.data(0)["expectation_value"])


def lightning(circuit: QuantumCircuit, observed: int) -> float:
    """Z on one qubit by PennyLane's lightning.qubit; only the qubits that the circuit acts on."""
    import pennylane as qml  # type: ignore[import-untyped]

    index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    gates = {"ry": qml.RY, "cz": qml.CZ, "cx": qml.CNOT}
    operations = [gates[inst.name](*inst.params, wires=[index[q] for q in inst.qubits]) for inst in circuit.data]
    tape = qml.tape.QuantumScript(operations, [qml.expval(qml.Z(observed))])
    wires = sorted({wire for operation in operations for wire in operation.wires} | {observed})
    device = qml.device("lightning.qubit", wires=wires)
    return float(device.execute([tape])[0])


def cone(circuit: QuantumCircuit, observed: int) -> tuple[QuantumCircuit, int]:
    """The gates that a Pauli on one qubit depends on, on the same register; how many qubits they act on."""
    index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    alive, kept = {observed}, []
    for instruction in reversed(circuit.data):
        qubits = {index[qubit] for qubit in instruction.qubits}
        if alive & qubits:
            alive |= qubits
            kept.append(instruction)
    pruned = circuit.copy_empty_like()
    for instruction in reversed(kept):
        pruned.append(instruction)
    return pruned, len(alive)
