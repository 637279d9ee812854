"""What a user may write as an observable, and how the rest is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.circuit.observable import (
    Observable,
    Term,
    observables_in,
    parse_observable,
    pauli_operator,
    require_width,
)
from pilot_quantum.errors import CircuitError

COEFFICIENTS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def observables(draw: st.DrawFn) -> Observable:
    width = draw(st.one_of(st.none(), st.integers(1, 6)))
    qubits = st.integers(0, 40) if width is None else st.integers(0, width - 1)
    paulis = st.dictionaries(qubits, st.sampled_from("XYZ")).map(lambda found: tuple(sorted(found.items())))
    terms = draw(st.lists(st.builds(Term, COEFFICIENTS, paulis), min_size=1, max_size=4))
    return Observable(tuple(terms), width)


@given(observables())
def test_what_is_printed_is_read_back_as_the_same_observable(observable: Observable) -> None:
    assert parse_observable(str(observable)) == observable


@given(st.text(alphabet="IXYZxz0129.*+-eE @\t"))
def test_any_text_is_read_or_refused_with_the_text_in_the_message(text: str) -> None:
    try:
        width = parse_observable(text).width
    except CircuitError as error:
        width = None
        assert repr(text) in str(error)  # noqa: PT017 - most texts are refused, some are not
    assert width is None or width > 0


@pytest.mark.parametrize(
    ("text", "terms", "width"),
    [
        ("ZZII", [Term(1.0, ((2, "Z"), (3, "Z")))], 4),
        ("0.5*ZZI + 1.2*XII", [Term(0.5, ((1, "Z"), (2, "Z"))), Term(1.2, ((2, "X"),))], 3),
        ("Z0 Z3", [Term(1.0, ((0, "Z"), (3, "Z")))], None),
        ("Z3*X0", [Term(1.0, ((0, "X"), (3, "Z")))], None),
        ("-1e-3 Y12 - -2.*Z0", [Term(-1e-3, ((12, "Y"),)), Term(2.0, ((0, "Z"),))], None),
        ("2.5 + X1", [Term(2.5, ()), Term(1.0, ((1, "X"),))], None),
        ("II", [Term(1.0, ())], 2),
        ("1 - ZZ", [Term(1.0, ()), Term(-1.0, ((0, "Z"), (1, "Z")))], 2),
    ],
)
def test_the_forms_of_the_help_text(text: str, terms: list[Term], width: int | None) -> None:
    observable = parse_observable(text)
    assert list(observable.terms) == terms
    assert observable.width == width


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing that can be read"),
        ("ZZI + ZZ", "different widths"),
        ("ZZI + Z0", "mixes the dense form"),
        ("Z0 Z0", "qubit 0 twice"),
        ("zz", "upper case"),
        ("0.5*", "coefficient before it"),
        ("*ZZ", "coefficient before it"),
        ("2ZZ", "put '*'"),
        ("1j*ZZ", "Coefficients are real"),
        ("ZQ", "not understood"),
        ("ZZ Z0", "neither a Pauli string"),
        ("1e999*Z", "not finite"),
        ("ZZ +", "nothing that can be read"),
    ],
)
def test_a_wrong_observable_is_named_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(CircuitError) as caught:
        parse_observable(text)
    assert repr(text) in str(caught.value)
    assert says in str(caught.value)


def test_a_wrong_width_names_observable_circuit_and_both_widths() -> None:
    with pytest.raises(CircuitError) as caught:
        require_width(parse_observable("ZZI"), "ghz-4.qasm", 4)
    message = str(caught.value)
    assert all(part in message for part in ("'ZZI'", "3 qubits wide", "ghz-4.qasm", "4 qubits"))


def test_the_sparse_form_fits_every_circuit_that_has_its_qubits() -> None:
    observable = parse_observable("Z0 Z3")
    require_width(observable, "a", 4)
    require_width(observable, "b", 24)
    with pytest.raises(CircuitError, match=r"names qubit 3, but circuit c has 3 qubits"):
        require_width(observable, "c", 3)


def test_an_identity_names_its_qubit_too() -> None:
    require_width(parse_observable("I2 Z0"), "b", 3)
    with pytest.raises(CircuitError, match="names qubit 9, but circuit a has 2 qubits"):
        require_width(parse_observable("Z0 + 2*I9"), "a", 2)


def test_as_a_qiskit_operator_it_has_the_same_matrix() -> None:
    x, y, z, one = (
        np.array(rows) for rows in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]])
    )
    expected = 0.5 * np.kron(z, np.kron(one, x)) - 2 * np.kron(one, np.kron(y, one)) + 3 * np.eye(8)
    operator = pauli_operator(parse_observable("0.5*X0 Z2 - 2*Y1 + 3"), 3)
    np.testing.assert_allclose(operator.to_matrix(), expected)


def test_a_file_holds_one_observable_a_line_and_a_trailing_sign_goes_on() -> None:
    text = "# energy\n-1.0*ZZI - \n  1.0*IZZ\n\nXII  # field\n"
    assert observables_in(text) == ["-1.0*ZZI - 1.0*IZZ", "XII"]
