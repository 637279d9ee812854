"""The circuits of the cutting benchmarks and of the tests that judge cut results: seeded, plain Qiskit.

`clustered` is drawn gate by gate from one random stream, so that its figures can be compared with published ones.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp


def esu2(qubits: int, repetitions: int = 2) -> QuantumCircuit:
    """EfficientSU2 with linear entanglement, all parameters 0.4: the published mini-app's load."""
    circuit = efficient_su2(qubits, entanglement="linear", reps=repetitions)
    return circuit.assign_parameters([0.4] * circuit.num_parameters)


def qaoa(qubits: int, layers: int = 1, seed: int = 7) -> QuantumCircuit:
    """QAOA of MaxCut on a random 3-regular graph (the pairing model, drawn again until it is simple)."""
    rng = np.random.default_rng(seed)
    edges: set[tuple[int, int]] = set()
    while len(edges) < 3 * qubits // 2:
        stubs = rng.permutation(np.repeat(np.arange(qubits), 3)).reshape(-1, 2)
        edges = {(int(min(pair)), int(max(pair))) for pair in stubs if pair[0] != pair[1]}
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    for layer in range(layers):
        for a, b in sorted(edges):
            circuit.rzz(0.7 + 0.1 * layer, a, b)
        circuit.rx(0.5 + 0.1 * layer, range(qubits))
    return circuit


def ghz(qubits: int) -> QuantumCircuit:
    """A GHZ state by a chain."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for i in range(qubits - 1):
        circuit.cx(i, i + 1)
    return circuit


def brick(qubits: int, depth: int = 4, seed: int = 3) -> QuantumCircuit:
    """Layers of random rotations and cx on neighbours in turn."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(qubits)
    for layer in range(depth):
        for q in range(qubits):
            circuit.ry(rng.uniform(0, 2 * np.pi), q)
            circuit.rz(rng.uniform(0, 2 * np.pi), q)
        for q in range(layer % 2, qubits - 1, 2):
            circuit.cx(q, q + 1)
    for q in range(qubits):
        circuit.ry(rng.uniform(0, 2 * np.pi), q)
    return circuit


def tfim(qubits: int, steps: int = 3, dt: float = 0.2) -> QuantumCircuit:
    """Trotter steps of the transverse-field Ising chain."""
    circuit = QuantumCircuit(qubits)
    for _ in range(steps):
        circuit.rx(2 * dt, range(qubits))
        for q in [*range(0, qubits - 1, 2), *range(1, qubits - 1, 2)]:
            circuit.rzz(2 * dt, q, q + 1)
    return circuit


def clustered(qubits: int, clusters: int = 2, depth: int = 6, inter: int = 3, seed: int = 5) -> QuantumCircuit:
    """Dense random clusters, scattered over the register, with `inter` gates between them."""
    rng = np.random.default_rng(seed + qubits)
    circuit = QuantumCircuit(qubits)
    groups = np.array_split(rng.permutation(qubits), clusters)
    chosen = rng.choice(np.arange(1, depth), size=min(inter, depth - 1), replace=False).tolist()
    for layer in range(depth):
        for q in range(qubits):
            circuit.ry(rng.uniform(0, 2 * np.pi), q)
        for group in groups:
            order = rng.permutation(group).tolist()
            for i in range(0, len(order) - 1, 2):
                circuit.cz(order[i], order[i + 1])
        if layer in chosen:
            i, j = rng.choice(clusters, 2, replace=False)
            circuit.cx(int(rng.choice(groups[i])), int(rng.choice(groups[j])))
    for q in range(qubits):
        circuit.ry(rng.uniform(0, 2 * np.pi), q)
    return circuit


def qft(qubits: int) -> QuantumCircuit:
    """A quantum Fourier transform of a product state."""
    circuit = QuantumCircuit(qubits)
    for q in range(qubits):
        circuit.ry(0.3 * (q + 1), q)
    for j in range(qubits - 1, -1, -1):
        circuit.h(j)
        for k in range(j - 1, -1, -1):
            circuit.cp(np.pi / 2 ** (j - k), k, j)
    return circuit


FAMILIES: dict[str, Callable[[int], QuantumCircuit]] = {
    "esu2": esu2,
    "qaoa": qaoa,
    "ghz": ghz,
    "brick": brick,
    "tfim": tfim,
    "clus2": lambda qubits: clustered(qubits, 2, 6, 3),
    "clus3": lambda qubits: clustered(qubits, 3, 6, 4),
    "qft": qft,
}


def last_z(qubits: int) -> SparsePauliOp:
    """Z on the last qubit: what the reference measures."""
    return SparsePauliOp(["Z" + "I" * (qubits - 1)])


def neighbours(qubits: int) -> SparsePauliOp:
    """The sum of ZZ on neighbouring qubits."""
    return SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], 1.0) for i in range(qubits - 1)], num_qubits=qubits)
