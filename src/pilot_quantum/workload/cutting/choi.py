"""A fragment as one ordinary circuit whose final state holds those of all its variants.

A leg becomes ancillas in |+>, which choose the term by control: |t> applies the term t (Choi's correspondence between
maps and states). So a fragment with 2^m variants is one state vector of m more qubits: no run per variant, gates shared
by Aer's fusion and threads, and what Aer needs of the circuit is kept as for any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import CXGate, CZGate, HGate, IGate, XGate, YGate, ZGate

from pilot_quantum.circuit.fragments import Fragment, LegKind, Link

Complexes = NDArray[np.complex128]

_PAULIS = {1: XGate, 2: YGate, 3: ZGate}  # and X makes |1> of |0> where a wire comes in
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


def choi_circuit(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int] = ()) -> QuantumCircuit:
    """The circuit: the fragment's qubits lowest, then the ancillas, those of the last leg first.

    fixed: terms of the first legs, which then need no ancillas.
    """
    shape = choi_shape(fragment, links, len(fixed))
    circuit = QuantumCircuit(shape.width + shape.ancillas)
    qubits, local = circuit.qubits, fragment.circuit
    for ancilla in qubits[shape.width :]:
        circuit._append(HGate(), [ancilla], [])
    bare = set(range(shape.width))
    free = len(qubits)
    done = 0
    terms_of = (*(0 for _ in fixed), *shape.terms)
    for index, (leg, terms) in enumerate(zip(fragment.legs, terms_of, strict=False)):  # outgoing wires, the last, none
        _copy(local, done, leg.position, circuit, bare)
        done = leg.position
        if index < len(fixed):
            pauli = fixed[index] if leg.kind is LegKind.INCOMING else links[leg.link].paulis[fixed[index]]
            if pauli:
                bare.discard(leg.qubit)
                circuit._append(_PAULIS[pauli](), [qubits[leg.qubit]], [])
            continue
        bare.discard(leg.qubit)
        free -= terms // 2
        if terms == 4 or leg.kind is LegKind.INCOMING:
            circuit._append(CXGate(), [qubits[free], qubits[leg.qubit]], [])
        if leg.kind is LegKind.GATE:
            circuit._append(CZGate(), [qubits[free + terms // 2 - 1], qubits[leg.qubit]], [])
    _copy(local, done, len(local.data), circuit, bare)
    for qubit in bare:  # that nothing acts on: to a simulator it would not exist
        circuit._append(IGate(), [qubits[qubit]], [])
    return circuit


def _copy(source: QuantumCircuit, start: int, stop: int, target: QuantumCircuit, bare: set[int]) -> None:
    index = {qubit: i for i, qubit in enumerate(source.qubits)}
    for position in range(start, stop):
        instruction = source.data[position]
        where = [index[qubit] for qubit in instruction.qubits]
        bare.difference_update(where)
        target._append(instruction.operation, [target.qubits[i] for i in where], [])
