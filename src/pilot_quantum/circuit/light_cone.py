"""The light cone of an observable: the gates and qubits on which its expectation value depends.

Going backwards through the circuit, each qubit carries the Pauli letters that the observable, evolved so far, may have
there. A gate that commutes with all of them drops out; one that does not adds the letters that it can make. That is
tighter than counting qubits: Z on a control, or ZZ before an RZZ, pass. All terms of an observable go in one pass: what
a qubit carries is, for each letter, an integer with one bit a term.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pilot_quantum.circuit.gate_kinds import GateKind
from pilot_quantum.circuit.observable import Observable
from pilot_quantum.circuit.skeleton import Skeleton, Wires, read_skeleton
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Letters = Mapping[int, str]
"""The Pauli letters that an operator may have on each qubit: {3: "Z"}, or {3: "XYZ"} for any operator there."""


class Cone(NamedTuple):
    """What a term depends on. gates: positions in the skeleton, rising. qubits: rising, the term's own included."""

    gates: Wires
    qubits: Wires


@dataclass(frozen=True, slots=True)
class Cones:
    """The light cones of several terms. of_gate, of_qubit: for each, the terms that depend on it, one bit a term."""

    terms: int
    of_gate: tuple[int, ...]
    of_qubit: tuple[int, ...]

    def of(self, term: int) -> Cone:
        """The cone of one term."""
        return self._having(1 << term)

    def union(self, terms: Iterable[int] | None = None) -> Cone:
        """What any of these terms depends on; by default any of all."""
        return self._having((1 << self.terms) - 1 if terms is None else sum(1 << term for term in set(terms)))

    def qubits(self, term: int) -> Wires:
        """The qubits of one term's cone, rising."""
        mask = 1 << term
        return tuple([q for q, terms in enumerate(self.of_qubit) if terms & mask])

    def sizes(self) -> list[tuple[int, int]]:
        """(qubits, gates) of the cone of every term."""
        return list(zip(_counts(self.of_qubit, self.terms), _counts(self.of_gate, self.terms), strict=True))

    def _having(self, mask: int) -> Cone:
        gates = tuple([i for i, terms in enumerate(self.of_gate) if terms & mask])
        return Cone(gates, tuple([q for q, terms in enumerate(self.of_qubit) if terms & mask]))


@dataclass(frozen=True, slots=True)
class Pruned:
    """A circuit without what an observable does not depend on. qubits: which qubit of the original each one was."""

    circuit: QuantumCircuit
    qubits: Wires


def letters_of(observable: Observable) -> list[Letters]:
    """What each term of `observable` has on its qubits."""
    return [dict(term.paulis) for term in observable.terms]


def light_cones(skeleton: Skeleton, terms: Sequence[Letters]) -> Cones:
    """The light cones of all `terms`, in one pass backwards over the gates.

    Raises CircuitError for a qubit that the circuit does not have, ValueError for a letter that is no Pauli.
    """
    x, y, z = ([0] * skeleton.qubits for _ in range(3))
    sets = {"X": x, "Y": y, "Z": z}
    touched = [0] * skeleton.qubits
    for number, term in enumerate(terms):
        bit = 1 << number
        for qubit, letters in term.items():
            if not 0 <= qubit < skeleton.qubits:
                raise CircuitError(
                    f"the observable acts on qubit {qubit}, but the circuit has {skeleton.qubits} "
                    f"(0 to {skeleton.qubits - 1}). Name qubits that it has."
                )
            touched[qubit] |= bit
            for letter in letters:
                if letter not in sets:
                    raise ValueError(f"{letter!r} on qubit {qubit} is no Pauli letter: give some of X, Y, Z")
                sets[letter][qubit] |= bit
    of_gate = [0] * len(skeleton)
    for i in range(len(skeleton) - 1, -1, -1):
        wires = skeleton.wires[i]
        of_gate[i] = needing = _step(skeleton.names[i], skeleton.kinds[i], wires, x, y, z)
        if needing:
            for q in wires:
                touched[q] |= needing
    return Cones(len(terms), tuple(of_gate), tuple(touched))


def prune(circuit: QuantumCircuit, qubits: Iterable[int] | Letters) -> Pruned:
    """`circuit` reduced to what an operator depends on, on the qubits that are left, without measurements.

    qubits: of any operator on them; or with the letters that it may have there, which prunes more. The qubits left are
    in rising order of the original. Raises CircuitError for qubits that the circuit does not have and for circuits
    whose final state is no state vector.
    """
    letters = qubits if isinstance(qubits, Mapping) else dict.fromkeys(qubits, "XYZ")
    skeleton = read_skeleton(circuit)
    return kept(circuit, skeleton, light_cones(skeleton, [letters]).of(0))


def kept(circuit: QuantumCircuit, skeleton: Skeleton, cone: Cone) -> Pruned:
    """The gates of `cone` alone, on its qubits; `skeleton` is that of `circuit`."""
    from qiskit.circuit import QuantumCircuit as Circuit

    reduced = Circuit(len(cone.qubits))
    new = {qubit: reduced.qubits[i] for i, qubit in enumerate(cone.qubits)}
    for i in cone.gates:
        step = circuit.data[skeleton.places[i]]
        reduced._append(step.replace(qubits=[new[q] for q in skeleton.wires[i]]))  # `append` would make each gate anew
    return Pruned(reduced, cone.qubits)


def _step(name: str, kind: GateKind, wires: Wires, x: list[int], y: list[int], z: list[int]) -> int:
    """Take a gate to the other side: the terms that need it; the letters on `wires` become those before it."""
    if len(wires) == 1:
        (q,) = wires
        match kind.letters:
            case "Z":
                x[q] = y[q] = needing = x[q] | y[q]
            case "X":
                y[q] = z[q] = needing = y[q] | z[q]
            case "Y":
                x[q] = z[q] = needing = x[q] | z[q]
            case _:
                needing = x[q] | y[q] | z[q]
                if name == "h" and kind.clifford:
                    x[q], z[q] = z[q], x[q]
                elif name == "id" and kind.clifford:
                    return 0
                else:
                    x[q] = y[q] = z[q] = needing
        return needing
    if len(kind.letters) == len(wires):
        return _diagonal(kind.letters, wires, {"X": x, "Y": y, "Z": z})
    needing = 0
    for q in wires:
        needing |= x[q] | y[q] | z[q]
    if name == "swap" and kind.clifford:
        a, b = wires
        for letters in (x, y, z):
            letters[a], letters[b] = letters[b], letters[a]
    elif needing:
        for q in wires:
            x[q] |= needing
            y[q] |= needing
            z[q] |= needing
    return needing


def _diagonal(basis: str, wires: Wires, sets: Mapping[str, list[int]]) -> int:
    """A gate that is diagonal in `basis`: other letters mix with each other, and bring its own to all its qubits."""
    needing = 0
    for letter, q in zip(basis, wires, strict=True):
        one, two = _OTHERS[letter]
        off = sets[one][q] | sets[two][q]
        sets[one][q] = sets[two][q] = off
        needing |= off
    if needing:
        for letter, q in zip(basis, wires, strict=True):
            sets[letter][q] |= needing
    return needing


_OTHERS = {"X": ("Y", "Z"), "Y": ("X", "Z"), "Z": ("X", "Y")}


def _counts(masks: Sequence[int], terms: int) -> list[int]:
    """How many of `masks` have each of the lowest `terms` bits set."""
    import numpy as np

    width = -(-terms // 8)
    packed = np.frombuffer(b"".join([mask.to_bytes(width, "little") for mask in masks]), dtype=np.uint8)
    bits = np.unpackbits(packed.reshape(len(masks), width), axis=1, bitorder="little", count=terms)
    return [int(count) for count in bits.sum(axis=0)]
