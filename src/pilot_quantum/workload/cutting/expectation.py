"""Exact expectation values of a cut circuit: hybrid Schrödinger-Feynman simulation, fragment by fragment.

The state is ψ = Σ_t Π_links c_t Π_fragments ψ_f[t], so <ψ|P|ψ> = Σ_{t,t'} Π c_t c_t'* Π <ψ_f[t']|P_f|ψ_f[t]>: a tensor
of overlaps for each fragment, small whatever its width, and a contraction (Markov et al., arXiv:1807.10749).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.fragments import CutCircuit
from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.resource.units import format_bytes
from pilot_quantum.workload.blocks import UPDATES_PER_UNIT, blocks, evolution_updates
from pilot_quantum.workload.cutting.gram import Complexes
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.network import MOST_BYTES, Network, doubled, weighted
from pilot_quantum.workload.cutting.observables import PauliSums, combinations, on_fragments
from pilot_quantum.workload.cutting.parts import FragmentWork, grams

Floats = NDArray[np.float64]
Part = tuple[Any, ...]
"""A function that runs in a worker, and its arguments."""


class CutExpectation:
    """Observables of a cut circuit, all from the same runs.

    works: the fragments, as they travel. sums: the observables.
    """

    def __init__(self, cut: CutCircuit, works: Sequence[FragmentWork], sums: PauliSums) -> None:
        self._cut, self._works, self._sums = cut, works, sums
        self._local, self._factors = on_fragments(sums.terms, cut)
        for index, (work, local) in enumerate(zip(works, self._local, strict=True)):
            check_size(index, work, len(local.distinct))
        self._blocks = [
            tuple(blocks(len(local.distinct), _strings_per_part(work)))
            for local, work in zip(self._local, works, strict=True)
        ]

    def parts(self) -> Iterator[tuple[PartKey, Part]]:
        """What runs in workers, each with its key."""
        for fragment, (work, local, each) in enumerate(zip(self._works, self._local, self._blocks, strict=True)):
            for index, block in enumerate(each):
                terms = local.distinct.only(np.arange(block.start, block.stop))
                yield PartKey(fragment, index), (grams, work, terms)

    def values(self, found: Mapping[PartKey, Complexes]) -> Floats:
        """The observables' values, in the shape they were given in, from what every part returned."""
        weights = self._sums.weights * self._factors
        tensors = [
            [self._prepared(fragment, tensor) for i in range(len(each)) for tensor in found[PartKey(fragment, i)]]
            for fragment, each in enumerate(self._blocks)
        ]
        network = Network(self._cut, [tensor[0].shape for tensor in tensors])
        rows, of = combinations(self._local, len(self._sums.terms))
        products = np.array(
            [
                float(network.contract([each[i] for each, i in zip(tensors, row, strict=True)]).real)
                for row in rows.tolist()
            ]
        )
        return np.asarray((weights @ products[of]).reshape(self._sums.shape))

    def _prepared(self, fragment: int, gram: Complexes) -> Complexes:
        """One axis of pairs a leg, the links' weights at their first sides."""
        legs = self._cut.fragments[fragment].legs
        links = [self._cut.links[leg.link] for leg in legs]
        tensor = doubled(gram, [link.terms for link in links])
        for axis, (leg, link) in enumerate(zip(legs, links, strict=True)):
            if leg.side == 0 and link.paulis:
                tensor = weighted(tensor, axis, np.outer(link.coefficients, link.coefficients.conj()).reshape(-1))
        return tensor


def gram_updates(work: FragmentWork) -> int:
    """What the overlaps of one string cost, in amplitude updates (blocks.py): a matrix product does 8 in that time."""
    return int(work.shape.variants**2 * 2 ** len(work.shape.kept) // 8)


def check_size(index: int, work: FragmentWork, tensors: int) -> None:
    """Raise CircuitTooLargeError where the overlaps of a fragment's variants take more than `MOST_BYTES`."""
    needed = tensors * work.shape.variants**2 * 16
    if needed > MOST_BYTES:
        raise CircuitTooLargeError(
            f"fragment {index} has {work.shape.variants} variants, and their overlaps for {tensors} strings or "
            f"outcomes take {format_bytes(needed)}; the limit is {format_bytes(MOST_BYTES)}. Cut this fragment less, "
            "or ask for fewer observables or qubits at a time."
        )


def _strings_per_part(work: FragmentWork) -> int:
    """Each part runs the fragment anew, so no finer than that running and overlaps cost the same."""
    running = evolution_updates(work.instructions, work.shape.width + work.shape.ancillas)
    return max(1, max(running, UPDATES_PER_UNIT) // max(1, gram_updates(work)))
