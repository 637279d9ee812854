from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from tests.circuit.random_circuits import random_circuits

from pilot_quantum.circuit.entanglement import bond_bits
from pilot_quantum.circuit.skeleton import read_skeleton

pytestmark = pytest.mark.requires("qiskit")


def true_bits(circuit):
    """log2 of the Schmidt rank over each bond of the line, by singular values."""
    from qiskit.quantum_info import Statevector

    state = Statevector(circuit).data
    ranks = []
    for bond in range(1, circuit.num_qubits):
        values = np.linalg.svd(state.reshape(-1, 2**bond), compute_uv=False)
        ranks.append(np.log2((values > 1e-7).sum()))
    return ranks


@settings(max_examples=150)
@given(circuit=random_circuits())
def test_no_state_is_more_entangled_than_its_circuits_bound(circuit):
    bound = bond_bits(read_skeleton(circuit))
    assert len(bound) == circuit.num_qubits - 1
    for most, (place, true) in zip(bound, enumerate(true_bits(circuit), start=1), strict=True):
        assert true <= most <= min(place, circuit.num_qubits - place)


def test_a_chain_of_cnots_is_bounded_by_one_bit():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(6)
    circuit.h(0)
    for qubit in range(5):
        circuit.cx(qubit, qubit + 1)
    assert bond_bits(read_skeleton(circuit)) == (1, 1, 1, 1, 1)


def test_gates_on_one_pair_after_another_count_as_one():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(6)
    for _ in range(5):
        circuit.cx(2, 3)
        circuit.rz(0.1, 3)
    assert bond_bits(read_skeleton(circuit)) == (0, 0, 1, 0, 0)
    circuit.cx(1, 2)
    circuit.cx(3, 4)
    circuit.cx(2, 3)
    assert bond_bits(read_skeleton(circuit)) == (0, 1, 2, 1, 0)
