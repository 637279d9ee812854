"""An observable in whatever form it is given, as a sum of Pauli strings."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, TypeAlias, Union

from pilot_quantum.circuit.observable import Observable, Term, parse_observable
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp

Operator: TypeAlias = Union[Observable, str, "Pauli", "SparsePauliOp", "SparseObservable"]


def observable_of(operator: Operator) -> Observable:
    """`operator` as an `Observable`: text as `parse_observable` reads it, or a Qiskit operator.

    Raises CircuitError for one that is not Hermitian, and for what is no observable at all.
    """
    if isinstance(operator, Observable):
        return operator
    if isinstance(operator, str):
        return parse_observable(operator)
    from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp

    if isinstance(operator, Pauli):
        operator = SparsePauliOp(operator)
    if isinstance(operator, SparseObservable):
        found = operator.as_paulis().to_sparse_list()
    elif isinstance(operator, SparsePauliOp):
        found = operator.to_sparse_list()
    else:
        raise CircuitError(
            f"{type(operator).__name__} is no observable: give text such as '0.5*ZZI + 1.2*XII' or 'Z0 Z3', a "
            "SparsePauliOp, a SparseObservable or a Pauli."
        )
    terms = []
    for letters, qubits, coefficient in found:
        # It may be a parameter.
        if not isinstance(coefficient, int | float | complex) or not isfinite(abs(complex(coefficient))):
            raise CircuitError(
                f"the coefficient {coefficient} of {letters or 'I'} on {list(qubits)} is no finite number; give one."
            )
        if abs(complex(coefficient).imag) > 1e-12 * max(1.0, abs(coefficient)):
            raise CircuitError(
                f"the coefficient {coefficient} of {letters or 'I'} on {list(qubits)} is not real, so the observable "
                "is not Hermitian and has no real expectation value."
            )
        paulis = [(int(q), letter) for letter, q in zip(letters, qubits, strict=True) if letter != "I"]
        terms.append(Term(float(complex(coefficient).real), tuple(sorted(paulis))))
    return Observable(tuple(terms), operator.num_qubits)
