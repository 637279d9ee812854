"""The reference simulator against Qiskit's state vector and against closed forms."""

from __future__ import annotations

from math import asin, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.observable import Observable, Term, parse_observable, pauli_operator
from pilot_quantum.circuit.program import GATES, Gate, Program
from pilot_quantum.circuit.reference import expectation, probabilities, state

QUBITS = 4


@st.composite
def programs(draw: st.DrawFn) -> Program:
    gates = []
    for name in draw(st.lists(st.sampled_from(sorted(GATES)), max_size=12)):
        qubits = draw(st.permutations(range(QUBITS)))[: GATES[name].qubits]
        angles = [draw(st.floats(-7, 7)) for _ in range(GATES[name].angles)]
        gates.append(Gate(name, tuple(qubits), tuple(angles)))
    return Program("drawn", "test", QUBITS, tuple(gates))


PAULIS = st.dictionaries(st.integers(0, QUBITS - 1), st.sampled_from("XYZ"))


@settings(deadline=None, max_examples=150)
@given(programs(), PAULIS)
def test_states_and_values_equal_qiskits(program: Program, paulis: dict[int, str]) -> None:
    ours, theirs = state(program), Statevector(qiskit_circuit(program))
    observable = Observable((Term(1.5, tuple(sorted(paulis.items()))), Term(-0.5, ((2, "Y"),))), QUBITS)
    assert abs(np.vdot(ours, theirs.data)) == pytest.approx(1, abs=1e-12)
    value = theirs.expectation_value(pauli_operator(observable, QUBITS)).real
    assert expectation(ours, observable) == pytest.approx(value, abs=1e-12)
    marginal = theirs.probabilities_dict([0, 1, 2])
    assert probabilities(ours, 3) == pytest.approx({k: v for k, v in marginal.items() if v > 1e-12}, abs=1e-12)


def test_ghz_is_half_all_zeros_and_half_all_ones() -> None:
    psi = state(families.ghz(5))
    assert probabilities(psi, 5) == pytest.approx({"00000": 0.5, "11111": 0.5})
    assert expectation(psi, parse_observable("XXXXX")) == pytest.approx(1)


def test_the_w_state_has_each_single_one_equally_often() -> None:
    assert probabilities(state(families.w_state(5)), 5) == pytest.approx({f"{1 << k:05b}": 0.2 for k in range(5)})


def test_the_fourier_transform_of_a_basis_state_is_a_plane_wave() -> None:
    k = np.arange(32)
    np.testing.assert_allclose(state(families.qft(5, 11)), np.exp(2j * pi * 11 * k / 32) / sqrt(32), atol=1e-10)


def test_bernstein_vazirani_yields_the_secret_with_certainty() -> None:
    assert probabilities(state(families.bernstein_vazirani("10110")), 5) == pytest.approx({"10110": 1.0})


@pytest.mark.parametrize(("marked", "rounds"), [("101", 2), ("0110", 3), ("11010", 4)])
def test_grover_succeeds_with_the_known_probability(marked: str, rounds: int) -> None:
    found = probabilities(state(families.grover(marked)), len(marked))[marked]
    assert found == pytest.approx(sin((2 * rounds + 1) * asin(2 ** (-len(marked) / 2))) ** 2)


def test_trotter_steps_converge_to_the_exact_evolution() -> None:
    n, time = 3, 0.7
    terms = [f"-1*Z{q} Z{q + 1}" for q in range(n - 1)] + [f"-1*X{q}" for q in range(n)]
    hamiltonian = pauli_operator(parse_observable(" + ".join(terms)), n).to_matrix()
    values, vectors = np.linalg.eigh(hamiltonian)
    exact = vectors @ (np.exp(-1j * values * time) * vectors.conj()[0])
    overlap = abs(np.vdot(exact, state(families.tfim(n, 400, time))))
    assert overlap == pytest.approx(1, abs=1e-5)


def test_pauli_values_of_a_clifford_circuit_are_minus_one_zero_or_one() -> None:
    psi = state(families.clifford(6, 80, seed=3))
    for text in ("Z0", "X1 X2", "Y3 Z4", "Z0 Z1 Z2 Z3 Z4 Z5"):
        assert min(abs(expectation(psi, parse_observable(text)) - v) for v in (-1, 0, 1)) < 1e-12


@pytest.mark.parametrize("gates", [(), (("x", 0),), (("h", 0), ("cx", 0, 1)), (("x", 1), ("x", 0), ("ccx", 0, 1, 2))])
def test_states_of_as_few_qubits_as_the_gates_need_and_of_more(gates: tuple[tuple[str, int], ...]) -> None:
    for qubits in range(1 + max((q for _, *on in gates for q in on), default=0), 5):
        program = Program("few", "test", qubits, tuple(Gate(name, tuple(on)) for name, *on in gates))
        np.testing.assert_allclose(state(program), Statevector(qiskit_circuit(program)).data, atol=1e-15)
