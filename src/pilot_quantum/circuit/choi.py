"""A fragment as one ordinary circuit whose final state holds those of all its variants.

A leg becomes ancillas in |+>, which choose the term by control: |t> applies the term t (Choi's correspondence between
maps and states). So a fragment with 2^m variants is one state vector of m more qubits: no run per variant, gates shared
by Aer's fusion and threads, and what Aer needs of the circuit is kept as for any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.fragments import Fragment, LegKind, Link
from pilot_quantum.circuit.gate_kinds import KINDS, GateKind
from pilot_quantum.circuit.skeleton import Skeleton, read_skeleton

if TYPE_CHECKING:
    from qiskit.circuit import CircuitInstruction, QuantumCircuit

Complexes = NDArray[np.complex128]

_PAULIS = {1: "x", 2: "y", 3: "z"}  # and X makes |1> of |0> where a wire comes in
_BY_ANCILLAS = (0, 1, 3, 2)  # ancillas (z, x) = 00, 01, 10, 11 apply I, X, Z, ZX = iY: where I, X, Y, Z are found


@dataclass(frozen=True, slots=True)
class ChoiShape:
    """How to read the final state of a fragment's `choi_circuit`.

    width: of the fragment. terms: of each leg that is no outgoing wire, in order. outgoing: qubits of those that are.
    """

    width: int
    terms: tuple[int, ...]
    outgoing: tuple[int, ...]

    @property
    def ancillas(self) -> int:
        """Qubits of the circuit beside the fragment's own."""
        return sum(terms // 2 for terms in self.terms)  # 1 for two terms, 2 for four

    @property
    def variants(self) -> int:
        """Values of all legs together."""
        return int(math.prod(self.terms) * 2 ** len(self.outgoing))

    @property
    def kept(self) -> tuple[int, ...]:
        """The fragment's qubits whose wires end here, lowest first."""
        return tuple(qubit for qubit in range(self.width) if qubit not in self.outgoing)

    def amplitudes(self, state: Complexes) -> Complexes:
        """The final states of all variants: shape (terms of leg, ..., 2^width), legs in order, outgoing wires inside.

        They are those of the fragment's circuit with the terms of its legs; gates and wires have unit weight.
        """
        psi = state.reshape(*self.terms, -1) * 2 ** (self.ancillas / 2)
        for axis, terms in enumerate(self.terms):
            if terms == 4:
                psi = np.take(psi, _BY_ANCILLAS, axis=axis)
                psi[(slice(None),) * axis + (2,)] *= -1j
        return np.asarray(psi)

    def opened(self, state: Complexes) -> Complexes:
        """The same as `amplitudes`, outgoing wires as legs: shape (values of all legs, 2^(qubits kept))."""
        psi = self.amplitudes(state)
        if not self.outgoing:
            return psi.reshape(-1, 2**self.width)
        legs = len(self.terms)
        psi = psi.reshape(*self.terms, *(2,) * self.width)
        axes = [legs + self.width - 1 - qubit for qubit in self.outgoing]
        psi = np.moveaxis(psi, axes, range(legs, legs + len(axes)))
        return np.ascontiguousarray(psi).reshape(-1, 2 ** len(self.kept))


def choi_shape(fragment: Fragment, links: Sequence[Link], fixed: int = 0) -> ChoiShape:
    """The shape of the fragment's Choi circuit, the terms of its first `fixed` legs given."""
    terms = tuple(links[leg.link].terms for leg in fragment.legs if leg.kind is not LegKind.OUTGOING)
    return ChoiShape(fragment.width, terms[fixed:], fragment.outgoing)


class _Own(NamedTuple):
    """A gate of the Choi circuit that the fragment does not have, by its name."""

    name: str
    wires: tuple[int, ...]


def _steps(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int]) -> Iterator[int | _Own]:
    """The Choi circuit: positions of the fragment's own instructions, and what stands between them."""
    shape = choi_shape(fragment, links, len(fixed))
    for ancilla in range(shape.width, shape.width + shape.ancillas):
        yield _Own("h", (ancilla,))
    free = shape.width + shape.ancillas
    done = 0
    terms_of = (*(0 for _ in fixed), *shape.terms)
    for index, (leg, terms) in enumerate(zip(fragment.legs, terms_of, strict=False)):  # outgoing wires, the last, none
        yield from range(done, leg.position)
        done = leg.position
        if index < len(fixed):
            pauli = fixed[index] if leg.kind is LegKind.INCOMING else links[leg.link].paulis[fixed[index]]
            if pauli:
                yield _Own(_PAULIS[pauli], (leg.qubit,))
            continue
        free -= terms // 2
        if terms == 4 or leg.kind is LegKind.INCOMING:
            yield _Own("cx", (free, leg.qubit))
        if leg.kind is LegKind.GATE:
            yield _Own("cz", (free + terms // 2 - 1, leg.qubit))
    yield from range(done, len(fragment.circuit.data))


def choi_circuit(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int] = ()) -> QuantumCircuit:
    """The circuit: the fragment's qubits lowest, then the ancillas, those of the last leg first.

    fixed: terms of the first legs, which then need no ancillas.
    """
    from qiskit.circuit import QuantumCircuit

    shape = choi_shape(fragment, links, len(fixed))
    circuit = QuantumCircuit(shape.width + shape.ancillas)
    qubits, data, own = circuit.qubits, fragment.circuit.data, _own_gates()
    new = dict(zip(fragment.circuit.qubits, qubits, strict=False))  # the ancillas stand for none
    bare = set(qubits[: shape.width])
    for step in _steps(fragment, links, fixed):
        if isinstance(step, _Own):
            instruction, where = own[step.name], [qubits[wire] for wire in step.wires]
        else:
            instruction = data[step]
            where = [new[qubit] for qubit in instruction.qubits]
        bare.difference_update(where)
        circuit._append(instruction.replace(qubits=where))
    for qubit in qubits[: shape.width]:
        if qubit in bare:  # nothing acts on it: to a simulator it would not exist
            circuit._append(own["id"].replace(qubits=[qubit]))
    return circuit


@cache
def _own_gates() -> Mapping[str, CircuitInstruction]:
    """The gates of `_Own` and the identity by their names, as instructions on some qubits."""
    from qiskit.circuit import CircuitInstruction, Qubit
    from qiskit.circuit.library import CXGate, CZGate, HGate, IGate, XGate, YGate, ZGate

    gates = (HGate(), CXGate(), CZGate(), XGate(), YGate(), ZGate(), IGate())
    return {gate.name: CircuitInstruction(gate, [Qubit() for _ in range(gate.num_qubits)]) for gate in gates}


def choi_skeleton(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int] = ()) -> Skeleton:
    """The skeleton of `choi_circuit`, without making that: about two microseconds a gate."""
    shape = choi_shape(fragment, links, len(fixed))
    own = read_skeleton(fragment.circuit)
    names: list[str] = []
    wires: list[tuple[int, ...]] = []
    kinds: list[GateKind] = []
    for step in _steps(fragment, links, fixed):
        if isinstance(step, _Own):
            names.append(step.name)
            wires.append(step.wires)
            kinds.append(KINDS[step.name])
        else:
            names.append(own.names[step])
            wires.append(own.wires[step])
            kinds.append(own.kinds[step])
    for qubit in set(range(shape.width)).difference(*wires):
        names.append("id")
        wires.append((qubit,))
        kinds.append(KINDS["id"])
    places = tuple(range(len(names)))
    return Skeleton(shape.width + shape.ancillas, tuple(names), tuple(wires), tuple(kinds), places, own.inside)
