from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit.library import (
    CHGate,
    CPhaseGate,
    CUGate,
    CXGate,
    DCXGate,
    ECRGate,
    RXXGate,
    RZXGate,
    RZZGate,
    SwapGate,
    XXPlusYYGate,
    iSwapGate,
)
from qiskit.quantum_info import random_unitary
from qiskit_addon_cutting.qpd import QPDBasis

from pilot_quantum.circuit.schmidt import schmidt_form
from pilot_quantum.errors import CircuitError

LOCAL = [np.kron(random_unitary(2, seed=i).data, random_unitary(2, seed=i + 50).data) for i in range(3)]
TWO = [
    CXGate(),
    CHGate(),
    CPhaseGate(0.3),
    RZZGate(-0.4),
    RZZGate(1e-7),
    RXXGate(2.0),
    RZXGate(0.4),
    CUGate(0.1, 0.2, 0.3, 0.4),
    ECRGate(),
]
FOUR = [SwapGate(), iSwapGate(), DCXGate(), XXPlusYYGate(0.3, 0.2)]
KNOWN = [*TWO, *FOUR]


def is_unitary(matrices):
    return np.allclose(matrices @ matrices.conj().swapaxes(-1, -2), np.eye(2), atol=1e-12)


@pytest.mark.parametrize("gate", KNOWN, ids=lambda gate: gate.name)
def test_the_terms_of_a_gate_are_unitary_and_sum_to_it(gate):
    form = schmidt_form(gate.to_matrix())
    assert form.matrix() == pytest.approx(gate.to_matrix(), abs=1e-12)
    assert is_unitary(form.terms(0))
    assert is_unitary(form.terms(1))
    assert np.sum(np.abs(form.coefficients) ** 2) == pytest.approx(1)
    assert len(form.coefficients) == len(form.paulis) == (2 if gate in TWO else 4)


@pytest.mark.parametrize("seed", range(20))
def test_random_unitaries_have_four_terms(seed):
    unitary = random_unitary(4, seed=seed).data
    form = schmidt_form(unitary)
    assert form.matrix() == pytest.approx(unitary, abs=1e-12)
    assert form.paulis == (0, 1, 2, 3)


@pytest.mark.parametrize("exponent", range(1, 12))
def test_angles_near_zero_are_kept(exponent):
    unitary = LOCAL[0] @ CPhaseGate(10.0**-exponent).to_matrix() @ LOCAL[1]
    assert schmidt_form(unitary).matrix() == pytest.approx(unitary, abs=2e-12)


@pytest.mark.parametrize("unitary", LOCAL)
def test_a_gate_that_entangles_nothing_is_one_product(unitary):
    form = schmidt_form(unitary)
    assert form.paulis == (0,)
    assert form.matrix() == pytest.approx(unitary, abs=1e-12)
    assert form.overhead == pytest.approx(1)


@pytest.mark.parametrize("gate", KNOWN, ids=lambda gate: gate.name)
def test_the_overhead_is_that_of_the_reference(gate):
    reference = QPDBasis.from_instruction(gate).overhead
    assert schmidt_form(gate.to_matrix()).overhead == pytest.approx(reference, rel=1e-6)


def test_what_is_not_unitary_is_refused():
    with pytest.raises(CircuitError, match="not unitary"):
        schmidt_form(np.diag([1, 1, 1, 0.5]))
