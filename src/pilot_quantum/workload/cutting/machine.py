"""A subexperiment as a circuit that a machine runs shot by shot, measurements in the middle included."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from pilot_quantum.circuit.fragments import CutCircuit, LegKind
from pilot_quantum.circuit.quasi import Complexes, Operation
from pilot_quantum.circuit.schmidt import PAULIS
from pilot_quantum.workload.cutting.subexperiments import Subexperiments


def subexperiment_circuit(
    cut: CutCircuit, fragment: int, subexperiments: Subexperiments, setting: int, variant: int
) -> QuantumCircuit:
    """The circuit of a fragment's (setting, variant).

    Its classical bits are an outcome of `Counts`: the lowest are the qubits measured at the end, the lowest qubit
    first; above them the measurements in the middle, the first leg's highest.
    """
    piece, chosen = cut.fragments[fragment], subexperiments.settings[setting]
    operations = subexperiments.chosen(variant)
    bits = len(chosen.qubits) + sum(len(operation.signs) - 1 for operation in operations)
    circuit = QuantumCircuit(piece.circuit.qubits)
    circuit.add_register(ClassicalRegister(bits, "outcome"))
    top, done = bits, 0
    for leg, operation in zip(piece.legs, operations, strict=False):  # outgoing wires, the last legs, have none
        for instruction in piece.circuit.data[done : leg.position]:
            circuit.append(instruction)
        done = leg.position
        top -= len(operation.signs) - 1
        if leg.kind is LegKind.INCOMING:
            circuit.append(_preparation(operation), [leg.qubit])
        else:
            _apply(circuit, np.tensordot(operation.rows, PAULIS[list(cut.links[leg.link].paulis)], 1), leg.qubit, top)
    for instruction in piece.circuit.data[done:]:
        circuit.append(instruction)
    for bit, (qubit, letter) in enumerate(zip(chosen.qubits.tolist(), chosen.letters.tolist(), strict=True)):
        if letter == 2:
            circuit.sdg(qubit)
        if letter in (1, 2):
            circuit.h(qubit)
        circuit.measure(qubit, bit)
    return circuit


def _preparation(operation: Operation) -> UnitaryGate:
    (state,) = operation.rows
    return UnitaryGate(np.array([[state[0], -state[1].conj()], [state[1], state[0].conj()]]))


def _apply(circuit: QuantumCircuit, branches: Complexes, qubit: int, bit: int) -> None:
    """A unitary; or two operators |u_b><v_b|, up to a factor: turn v_b to |b>, measure, turn |b> to u_b."""
    if len(branches) == 1:
        circuit.append(UnitaryGate(branches[0]), [qubit])
        return
    left, right = [], []
    for branch in branches:
        u, _, v = np.linalg.svd(branch)
        left.append(u[:, 0])
        right.append(v[0])
    circuit.append(UnitaryGate(np.array(right)), [qubit])
    circuit.measure(qubit, bit)
    circuit.append(UnitaryGate(np.array(left).T), [qubit])
