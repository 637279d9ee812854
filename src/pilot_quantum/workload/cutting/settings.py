"""What is measured at a fragment's end: as few settings as serve all strings asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.choi import ChoiShape
from pilot_quantum.workload.cutting.gram import Complexes
from pilot_quantum.workload.pauli import PauliTerms

Indices = NDArray[np.intp]
Masks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Qubits of a fragment and the Paulis that they are measured in; it serves several entries of its tensor.

    qubits: lowest first; the first is the least significant bit of an outcome. letters: 1, 2, 3 for X, Y, Z.
    out: for every entry the index over the outgoing wires' Paulis, in base 4 (I, X, Y, Z), the first wire highest.
    strings: for every entry which local string it is of. masks: which of the outcome's bits make its sign.
    """

    qubits: Indices
    letters: Indices
    out: Indices
    strings: Indices
    masks: Masks

    def rotated(self, psi: Complexes) -> Complexes:
        """`psi`, of shape (variants, 2^width), in the bases that are measured."""
        for qubit, letter in zip(self.qubits.tolist(), self.letters.tolist(), strict=True):
            if letter == 3:
                continue
            halves = psi.reshape(len(psi), -1, 2, 2**qubit)
            zero, one = halves[:, :, 0], halves[:, :, 1]
            if letter == 2:
                one = -1j * one
            psi = np.stack([zero + one, zero - one], axis=2).reshape(len(psi), -1) * np.sqrt(0.5)
        return psi


def settings(shape: ChoiShape, strings: PauliTerms) -> tuple[Setting, ...]:
    """All settings of a fragment: `strings` are on its qubits kept, its outgoing wires are measured in X, Y and Z."""
    kept = shape.kept
    found = []
    for members in _groups(strings):
        letters = {
            kept[i]: (0, 1, 3, 2)[int(strings.x[m, i]) + 2 * int(strings.z[m, i])]
            for m in members
            for i in np.flatnonzero(strings.x[m] | strings.z[m]).tolist()
        }
        for bases in product((1, 2, 3), repeat=len(shape.outgoing)):
            measured = letters | dict(zip(shape.outgoing, bases, strict=True))
            order = sorted(measured)
            bit = {qubit: 1 << i for i, qubit in enumerate(order)}
            entries = []
            # The trace is that of the outcomes in Z.
            for out in product(*((0, 3) if basis == 3 else (basis,) for basis in bases)):
                wires = sum(bit[qubit] for qubit, pauli in zip(shape.outgoing, out, strict=True) if pauli)
                index = int("".join(map(str, out)) or "0", 4)
                for m in members:
                    support = np.flatnonzero(strings.x[m] | strings.z[m]).tolist()
                    entries.append((index, m, wires + sum(bit[kept[i]] for i in support)))
            out_index, string, masks = np.array(entries).T
            found.append(
                Setting(
                    np.array(order, dtype=np.intp),
                    np.array([measured[q] for q in order], dtype=np.intp),
                    out_index,
                    string,
                    masks.astype(np.int64),
                )
            )
    return tuple(found)


def _groups(strings: PauliTerms) -> Sequence[list[int]]:
    """Strings that agree wherever two of them act, so that one measurement serves them: greedily, the longest first."""
    groups: list[tuple[list[int], NDArray[np.bool_], NDArray[np.bool_]]] = []
    weight = (strings.x | strings.z).sum(axis=1)
    for m in np.argsort(-weight, kind="stable").tolist():
        x, z = strings.x[m], strings.z[m]
        for members, all_x, all_z in groups:
            both = (x | z) & (all_x | all_z)
            if not (both & ((x ^ all_x) | (z ^ all_z))).any():
                members.append(m)
                all_x |= x
                all_z |= z
                break
        else:
            groups.append(([m], x.copy(), z.copy()))
    return [members for members, _, _ in groups]
