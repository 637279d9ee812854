"""A script for `pilot-quantum run examples/app.py [QUBITS]`: an energy by two routes, and plain Python beside it.

`main(session)` gets a session that already has pilots; the rest is ordinary Python.
"""

from __future__ import annotations

import sys

from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

import pilot_quantum as pq


def ansatz(qubits: int) -> QuantumCircuit:
    """A chain of CNOTs after a rotation of every qubit by the same angle."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(qubits)
    circuit.ry(angle, range(qubits))
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def square(number: int) -> int:
    return number * number


def main(session: pq.Session) -> None:
    qubits = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    circuit = ansatz(qubits)
    chain = SparsePauliOp.from_sparse_list([("ZZ", [q, q + 1], 1.0) for q in range(qubits - 1)], qubits)

    angles = [[0.2 * step] for step in range(16)]
    energies = session.estimator().run([(circuit, chain, angles)]).result()[0].data.evs
    best = int(energies.argmin())
    print(f"lowest energy {energies[best]:+.6f} at angle {angles[best][0]:.1f}")

    bound = circuit.assign_parameters(angles[best]).measure_all(inplace=False)
    counts = session.sampler(seed=7).run([bound], shots=1000).result()[0].data.meas.get_counts()
    print(f"its likeliest outcome: {max(counts, key=counts.__getitem__)}")

    print(f"and plain Python beside it: {sum(session.map(square, range(100)))}")
