"""Exact probabilities of a cut circuit's outcomes."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.contraction import check_overlaps
from pilot_quantum.circuit.fragments import CutCircuit
from pilot_quantum.errors import CircuitError, CircuitTooLargeError
from pilot_quantum.workload.cutting.gram import Complexes
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.network import Network, doubled, weighted
from pilot_quantum.workload.cutting.parts import FragmentWork, Part, amplitudes, marginals

Floats = NDArray[np.float64]

MOST_QUBITS = 26
"""Whose outcomes' probabilities are listed: 2^26 of them take 1 GiB on their way."""


class CutDistribution:
    """The joint probabilities of the outcomes of some qubits.

    qubits: as `check_qubits` wants them; the first is the least significant bit of an outcome. Where they are all
    that the circuit uses, amplitudes are put together, else marginals, which take a square of the fragments' variants.
    Raises CircuitTooLargeError where marginals would be too large.
    """

    def __init__(self, cut: CutCircuit, works: Sequence[FragmentWork], qubits: Sequence[int]) -> None:
        self._cut, self._works, self._qubits = cut, works, tuple(qubits)
        active = set(qubits) - cut.idle
        self._whole = len(active) == len(cut.places)
        self._measured = [
            [i for i, qubit in enumerate(_kept(work, fragment.ends)) if qubit in active]
            for work, fragment in zip(works, cut.fragments, strict=True)
        ]
        for index, (work, measured) in enumerate(zip(works, self._measured, strict=True)):
            if not self._whole:
                check_overlaps(index, work.shape.variants, 2 ** len(measured))

    def parts(self) -> Iterator[tuple[PartKey, Part]]:
        """What runs in workers, each with its key."""
        for fragment, (work, measured) in enumerate(zip(self._works, self._measured, strict=True)):
            if self._whole:
                yield PartKey(fragment, 0), (amplitudes, work)
            else:
                yield PartKey(fragment, 0), (marginals, work, np.array(measured, dtype=np.intp))

    def probabilities(self, found: Mapping[PartKey, Complexes]) -> Floats:
        """Of every outcome: shape (2^qubits,)."""
        joint = self._joint([found[PartKey(fragment, 0)] for fragment in range(len(self._works))])
        order = []  # the qubit of each axis of `joint`
        for work, fragment, measured in zip(self._works, self._cut.fragments, self._measured, strict=True):
            kept = _kept(work, fragment.ends)
            order += [kept[i] for i in reversed(measured)]
        wanted = [qubit for qubit in reversed(self._qubits) if qubit not in self._cut.idle]
        joint = joint.reshape((2,) * len(order)).transpose([order.index(qubit) for qubit in wanted])
        listed = np.zeros((2,) * len(self._qubits))
        listed[tuple(0 if qubit in self._cut.idle else slice(None) for qubit in reversed(self._qubits))] = joint
        return listed.reshape(-1)

    def _joint(self, tensors: list[Complexes]) -> Floats:
        prepared = []
        for tensor, fragment in zip(tensors, self._cut.fragments, strict=True):
            links = [self._cut.links[leg.link] for leg in fragment.legs]
            terms = [link.terms for link in links]
            pairs = None if self._whole else doubled(np.moveaxis(tensor, 0, -1), terms, tail=1)
            tensor = tensor.reshape(*terms, -1) if pairs is None else pairs
            for axis, (leg, link) in enumerate(zip(fragment.legs, links, strict=True)):
                if leg.side == 0 and link.paulis:
                    c = link.coefficients
                    tensor = weighted(tensor, axis, c if self._whole else np.outer(c, c.conj()).reshape(-1))
            prepared.append(tensor)
        if not prepared:
            return np.ones(1)
        sizes = [tensor.shape[:-1] for tensor in prepared]
        joint = Network(self._cut, sizes, [tensor.shape[-1:] for tensor in prepared]).contract(prepared)
        return np.abs(joint) ** 2 if self._whole else np.maximum(joint.real, 0.0)


def _kept(work: FragmentWork, ends: tuple[int | None, ...]) -> list[int]:
    """The whole circuit's qubits whose final states a fragment's qubits kept hold, lowest first."""
    return [end for qubit in work.shape.kept if (end := ends[qubit]) is not None]


def check_qubits(qubits: Sequence[int], width: int) -> tuple[int, ...]:
    """`qubits`, whose outcomes' probabilities of a circuit of `width` qubits are asked.

    Raises CircuitError for what are no qubits, do not exist or are named twice, CircuitTooLargeError for too many.
    """
    try:
        qubits = [operator.index(qubit) for qubit in qubits]
    except TypeError as error:
        raise CircuitError(f"qubits {qubits!r}: give their numbers, from 0 to {width - 1}, such as [0, 1].") from error
    wrong = [qubit for qubit in qubits if not 0 <= qubit < width]
    if wrong or len(set(qubits)) < len(qubits):
        raise CircuitError(f"qubits {list(qubits)}: they have to be distinct, from 0 to {width - 1}.")
    if len(qubits) > MOST_QUBITS:
        raise CircuitTooLargeError(
            f"the probabilities of 2^{len(qubits)} outcomes were asked; at most 2^{MOST_QUBITS} are listed. "
            "Ask for fewer qubits, or for expectation values."
        )
    return tuple(qubits)
