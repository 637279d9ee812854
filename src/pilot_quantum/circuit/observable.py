"""Observables as users write them on a command line: real sums of Pauli strings.

ZZII                      dense: one letter a qubit, the last one is qubit 0 (as in Qiskit)
Z0 Z3                     sparse: a letter and a qubit; fits every circuit that has these qubits
0.5*ZZI + 1.2*XII         a sum; a bare number is a multiple of the identity
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TERM = re.compile(rf"(?P<number>{_NUMBER})?(?P<times>\s*\*\s*|\s+)?(?P<paulis>[IXYZ0-9*\s]*)")
_SIGN = re.compile(r"\s*([+-])\s*(-?)\s*")
_DENSE = re.compile(r"[IXYZ]+")
_SPARSE = re.compile(r"\s*\*?\s*([IXYZ])(\d+)\s*")


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient times a Pauli string: (qubit, letter) in rising order of qubits, identities left out."""

    coefficient: float
    paulis: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Observable:
    """A real sum of Pauli strings.

    width: number of qubits of the dense form; None for the sparse form, which fits every circuit that has its
    qubits. text: as the user wrote it; named: one more than the highest qubit that it names, if only with an identity;
    neither is part of the value.
    """

    terms: tuple[Term, ...]
    width: int | None
    text: str = field(default="", compare=False)
    named: int = field(default=1, compare=False)

    @property
    def needed_qubits(self) -> int:
        """The least width of a circuit that has every qubit named here."""
        return self.width or max(self.named, *(qubit + 1 for term in self.terms for qubit, _ in term.paulis), 1)

    def fits(self, qubits: int) -> bool:
        """Whether this observable belongs to a circuit of `qubits` qubits."""
        return qubits == self.width if self.width is not None else qubits >= self.needed_qubits

    def __str__(self) -> str:
        return " + ".join(f"{term.coefficient!r}*{self._letters(term)}" for term in self.terms).replace("+ -", "- ")

    def _letters(self, term: Term) -> str:
        if self.width is None:
            return " ".join(f"{pauli}{qubit}" for qubit, pauli in term.paulis) or "I0"
        letters = dict(term.paulis)
        return "".join(letters.get(qubit, "I") for qubit in reversed(range(self.width)))


def parse_observable(text: str) -> Observable:
    """The observable that `text` says. Raises CircuitError naming the text, the fault and the forms."""
    terms: list[Term] = []
    widths: dict[int, str] = {}
    sparse, named = "", 1
    position, sign = 0, 1.0
    if lead := _SIGN.match(text):
        position, sign = lead.end(), _sign(lead)
    while True:
        found = _TERM.match(text, position)
        assert found is not None, "every part of the pattern is optional"
        number, paulis = found["number"], found["paulis"].strip()
        if not number and not paulis:
            raise _wrong(text, f"nothing that can be read at {text[position:].strip()[:20]!r}", position)
        star = "*" in (found["times"] or "")
        if star and not (number and paulis):
            raise _wrong(text, "'*' needs a coefficient before it and a Pauli string after it", position)
        if number and paulis and not found["times"]:
            raise _wrong(text, f"{number + paulis!r}: put '*' between the coefficient and the Pauli string")
        coefficient = sign * float(number or 1)
        if not math.isfinite(coefficient):
            raise _wrong(text, f"coefficient {number} is not finite")
        if _DENSE.fullmatch(paulis):
            widths.setdefault(len(paulis), paulis)
            letters = tuple((qubit, pauli) for qubit, pauli in enumerate(reversed(paulis)) if pauli != "I")
        else:
            letters, most = _sparse(text, paulis)
            named, sparse = max(named, most), sparse or paulis
        terms.append(Term(coefficient, letters))
        position = found.end()
        if position == len(text):
            break
        joint = _SIGN.match(text, position)
        if joint is None:
            raise _wrong(text, f"{text[position : position + 20]!r} is not understood", position)
        position, sign = joint.end(), _sign(joint)
    if len(widths) > 1:
        raise _wrong(text, f"its terms have different widths: {', '.join(map(repr, widths.values()))}")
    if widths and sparse:
        raise _wrong(
            text,
            f"it mixes the dense form ({next(iter(widths.values()))!r}) with the sparse form ({sparse!r})",
        )
    return Observable(tuple(terms), next(iter(widths), None), text.strip(), named)


def observables_in(text: str) -> list[str]:
    """The observables in the text of a file: one a line; `#` begins a comment.

    A line that ends in + or - goes on in the next.
    """
    found: list[str] = []
    open_line = False
    for line in text.splitlines():
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        if open_line:
            found[-1] += " " + content
        else:
            found.append(content)
        open_line = content[-1] in "+-"
    return found


def require_width(observable: Observable, circuit: str, qubits: int) -> None:
    """Raise CircuitError, naming both widths, when `observable` does not fit a circuit of `qubits` qubits."""
    if observable.fits(qubits):
        return
    if observable.width is None:
        raise CircuitError(
            f"observable {observable.text!r} names qubit {observable.needed_qubits - 1}, "
            f"but circuit {circuit} has {qubits} qubits (0 to {qubits - 1}). "
            "Name qubits that it has, or leave this circuit out."
        )
    raise CircuitError(
        f"observable {observable.text!r} is {observable.width} qubits wide, "
        f"but circuit {circuit} has {qubits} qubits. "
        f"Write {qubits} letters (the last one is qubit 0), or use the sparse form, such as 'X0'."
    )


def pauli_operator(observable: Observable, qubits: int) -> SparsePauliOp:
    """The observable as a Qiskit operator on `qubits` qubits."""
    from qiskit.quantum_info import SparsePauliOp

    terms = [
        ("".join(pauli for _, pauli in term.paulis), [qubit for qubit, _ in term.paulis], term.coefficient)
        for term in observable.terms
    ]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=qubits)


def _sign(found: re.Match[str]) -> float:
    return -1.0 if (found[1] == "-") != bool(found[2]) else 1.0


def _sparse(text: str, paulis: str) -> tuple[tuple[tuple[int, str], ...], int]:
    """(qubit, letter) of `Z0 Z3`, sorted, and `Observable.named`; the empty string is the identity."""
    letters: dict[int, str] = {}
    position = 0
    while position < len(paulis):
        found = _SPARSE.match(paulis, position)
        if found is None:
            raise _wrong(text, f"{paulis[position:]!r} is neither a Pauli string such as 'ZZI' nor one such as 'Z0 Z3'")
        qubit = int(found[2])
        if qubit in letters:
            raise _wrong(text, f"a term names qubit {qubit} twice")
        letters[qubit] = found[1]
        position = found.end()
    kept = tuple(sorted((qubit, pauli) for qubit, pauli in letters.items() if pauli != "I"))
    return kept, 1 + max(letters, default=0)


def _wrong(text: str, what: str, position: int | None = None) -> CircuitError:
    where = "" if position is None else f" (character {position + 1})"
    hint = " Pauli letters are upper case." if re.search(r"[xyzi]", text) else ""
    hint += " Coefficients are real." if "j" in text else ""
    return CircuitError(
        f"observable {text!r}: {what}{where}.{hint} "
        "Write for example 'ZZII', '0.5*ZZI + 1.2*XII', 'Z0 Z3' or '@FILE' with one observable a line."
    )
