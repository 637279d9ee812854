"""Circuits rewritten into what Aer runs."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

from pilot_quantum.workload.aer import outcomes
from pilot_quantum.workload.flatten import BASIS, flatten
from pilot_quantum.workload.memory import Method


def names_in(circuit):
    found = set(circuit.count_ops())
    for step in circuit.data:
        if step.is_control_flow():
            found.update(*(names_in(block) for block in step.operation.blocks))
    return found


def test_gates_in_bodies_are_opened_too():
    mine = QuantumCircuit(2, name="mine")
    mine.x(1)
    mine.dcx(0, 1)
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.append(mine.to_gate(), [0, 1])
        with circuit.if_test((circuit.clbits[0], 0)) as otherwise:
            circuit.x(0)
        with otherwise:
            circuit.iswap(0, 1)
    circuit.measure([0, 1], [0, 1])

    flat = flatten(circuit)

    assert names_in(flat) <= BASIS
    # |q1 q0> = |11> after the first gate of mine; a double CNOT makes |01> of it, and the swap |10>.
    assert set(outcomes(flat, Method.STATEVECTOR, 20, 1).ravel().tolist()) == {0b10}
