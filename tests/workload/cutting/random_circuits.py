"""Random circuits with cuts that really divide them, and random observables."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import (
    CHGate,
    CPhaseGate,
    CRXGate,
    CRYGate,
    CRZGate,
    CSdgGate,
    CSGate,
    CSXGate,
    CXGate,
    CYGate,
    CZGate,
    DCXGate,
    ECRGate,
    RXXGate,
    RYYGate,
    RZXGate,
    RZZGate,
    SwapGate,
    UnitaryGate,
    XXMinusYYGate,
    iSwapGate,
)
from qiskit.quantum_info import SparsePauliOp, random_pauli_list, random_unitary

from pilot_quantum.circuit.cuts import Cuts, WireCut

FIXED = [CXGate, CYGate, CZGate, CHGate, CSGate, CSdgGate, CSXGate, SwapGate, iSwapGate, DCXGate, ECRGate]
TURNED = [CPhaseGate, CRXGate, CRYGate, CRZGate, RXXGate, RYYGate, RZZGate, RZXGate]


def random_gate(rng):
    """A two-qubit gate of any kind."""
    kind = rng.integers(3)
    if kind == 0:
        return FIXED[rng.integers(len(FIXED))]()
    if kind == 1:
        return TURNED[rng.integers(len(TURNED))](rng.uniform(-7, 7))
    return [UnitaryGate(random_unitary(4, seed=rng)), XXMinusYYGate(*rng.uniform(-7, 7, 2))][rng.integers(2)]


def random_cut_circuit(seed, qubits, groups=2, gates=2, wires=1, depth=3):
    """A circuit of `groups` random clusters and its cuts: `gates` between clusters, `wires` that change cluster."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(qubits)
    group = np.arange(qubits) % groups
    rng.shuffle(group)
    cut_gates, cut_wires = [], []
    events = ["gate"] * gates + ["wire"] * wires
    rng.shuffle(events)
    layers = np.sort(rng.integers(depth, size=len(events))).tolist()

    def entangle(own):
        members = np.flatnonzero(group == own)
        if len(members) > 1:
            a, b = rng.choice(members, 2, replace=False).tolist()
            circuit.append(random_gate(rng), [a, b])
        if len(members) > 2 and rng.random() < 0.2:
            circuit.ccx(*rng.choice(members, 3, replace=False).tolist())

    for layer in range(depth):
        for qubit in range(qubits):
            if rng.random() < 0.8:
                circuit.u(*rng.uniform(-4, 4, 3), qubit)
        for own in range(groups):
            for _ in range(1 + np.count_nonzero(group == own) // 2):
                entangle(own)
        for _ in range(layers.count(layer)):
            event = events.pop()
            a, b = rng.choice(groups, 2, replace=False)
            if not (group == a).any() or not (group == b).any():
                continue
            qubit = int(rng.choice(np.flatnonzero(group == a)))
            other = int(rng.choice(np.flatnonzero(group == b)))
            if event == "gate":
                cut_gates.append(len(circuit.data))
                circuit.append(random_gate(rng), [qubit, other])
            else:
                group[qubit] = b
                cut_wires.append(WireCut(len(circuit.data), qubit))
                circuit.append(random_gate(rng), [qubit, other])
    return circuit, Cuts(tuple(cut_gates), tuple(cut_wires))


def random_sum(seed, qubits, terms=4):
    """A random real sum of Pauli strings."""
    paulis = random_pauli_list(qubits, terms, seed=seed, phase=False)
    return SparsePauliOp(paulis, np.random.default_rng(seed).normal(size=terms)).simplify()
