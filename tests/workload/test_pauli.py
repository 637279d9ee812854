from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import SparseObservable, SparsePauliOp, Statevector, random_pauli_list, random_statevector

from pilot_quantum.workload.pauli import SIGN_TABLE, paulis_of, walsh


@given(qubits=st.integers(1, 7), strings=st.integers(1, 30), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_expectations_are_those_of_qiskit(qubits, strings, seed):
    state = random_statevector(2**qubits, seed=seed)
    weights = np.random.default_rng(seed).normal(size=strings)
    operator = SparsePauliOp(random_pauli_list(qubits, strings, seed=seed, phase=False), weights)
    terms, coefficients = paulis_of(SparseObservable.from_sparse_pauli_op(operator))
    found = terms.expectations(state.data) @ coefficients
    assert found == pytest.approx(state.expectation_value(operator).real, abs=1e-12)


@pytest.mark.parametrize("complex_weights", [False, True])
@pytest.mark.parametrize(("bits", "count"), [(0, 1), (1, 2), (5, 9), (9, 200), (11, 3), (12, 4096)])
def test_walsh_sums_by_table_and_by_transform(bits, count, complex_weights):
    rng = np.random.default_rng(bits)
    weights = rng.normal(size=2**bits) + (1j * rng.normal(size=2**bits) if complex_weights else 0)
    masks = rng.integers(0, 2**bits, size=count)
    parity = np.array([[bin(k & int(m)).count("1") & 1 for k in range(2**bits)] for m in masks[:20]])
    assert walsh(weights, masks)[:20] == pytest.approx((1 - 2.0 * parity) @ weights, abs=1e-9)


def test_both_ways_of_summing_are_reached():
    assert 5 * 2**9 < SIGN_TABLE < 4096 * 2**12


def test_labels_are_qiskit_s_own():
    labels = ["XYZI", "IIII", "ZZXY"]
    terms, _ = paulis_of(SparseObservable.from_list([(label, 1.0) for label in labels]))
    assert terms.labels() == labels


@pytest.mark.parametrize("label", ["0", "1", "+", "-", "r", "l"])
def test_projectors_are_probabilities(label):
    state = random_statevector(2, seed=3)
    terms, coefficients = paulis_of(SparseObservable.from_label(label))
    overlap = abs(Statevector.from_label(label).inner(state)) ** 2
    assert terms.expectations(state.data) @ coefficients == pytest.approx(overlap, abs=1e-12)


def test_idle_qubits_are_in_state_zero():
    terms, _ = paulis_of(SparseObservable.from_list([("ZIZ", 1.0), ("XIZ", 1.0), ("ZIX", 1.0)]))
    local, factors = terms.on([0])
    assert local.labels() == ["Z", "Z", "X"]
    assert factors.tolist() == [1.0, 0.0, 1.0]
