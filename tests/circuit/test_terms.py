"""Observables in whatever form they are given."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Parameter
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp

from pilot_quantum.circuit.observable import parse_observable
from pilot_quantum.circuit.terms import observable_of
from pilot_quantum.errors import CircuitError


@pytest.mark.parametrize(
    "given", [SparsePauliOp("ZIX"), SparseObservable("ZIX"), Pauli("ZIX"), "ZIX", parse_observable("ZIX")]
)
def test_all_forms_say_the_same(given):
    assert observable_of(given) == parse_observable("ZIX")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("coefficient", [np.nan, np.inf, Parameter("a")])
def test_a_coefficient_that_is_no_finite_number_is_refused(coefficient):
    with pytest.raises(CircuitError, match=r"of ZZ on \[0, 1\] is no finite number"):
        observable_of(SparsePauliOp("ZZ", np.array([coefficient])))


def test_a_coefficient_that_is_not_real_is_refused():
    with pytest.raises(CircuitError, match="not Hermitian"):
        observable_of(SparsePauliOp("ZZ", 1j))


def test_what_is_no_observable_is_refused_with_the_forms():
    with pytest.raises(CircuitError, match="ndarray is no observable: give text"):
        observable_of(np.eye(2))
