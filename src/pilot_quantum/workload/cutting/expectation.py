"""Exact expectation values of a cut circuit: hybrid Schrödinger-Feynman simulation, fragment by fragment.

The state is ψ = Σ_t Π_links c_t Π_fragments ψ_f[t], so <ψ|P|ψ> = Σ_{t,t'} Π c_t c_t'* Π <ψ_f[t']|P_f|ψ_f[t]>: a tensor
of overlaps for each fragment, small whatever its width, and a contraction (Markov et al., arXiv:1807.10749).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.contraction import check_overlaps
from pilot_quantum.circuit.fragment_tasks import strings_per_task
from pilot_quantum.circuit.fragments import CutCircuit, Link
from pilot_quantum.circuit.one_thread import one_thread
from pilot_quantum.circuit.updates import blocks
from pilot_quantum.workload.cutting.gram import Complexes, gram_tensors
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.network import Network, paired
from pilot_quantum.workload.cutting.observables import PauliSums, combinations, on_fragments
from pilot_quantum.workload.cutting.parts import FragmentWork, Part, amplitudes, grams

Floats = NDArray[np.float64]

MANY_OPERATIONS = 1e8
"""Of a contraction, from which on several threads pay."""


class CutExpectation:
    """Observables of a cut circuit, all from the same runs.

    works: the slices of every fragment. sums: the observables.
    """

    def __init__(self, cut: CutCircuit, works: Sequence[tuple[FragmentWork, ...]], sums: PauliSums) -> None:
        self._cut, self._works, self._sums = cut, works, sums
        self._local, self._factors = on_fragments(sums.terms, cut)
        variants = [math.prod(cut.links[leg.link].terms for leg in fragment.legs) for fragment in cut.fragments]
        for index, (number, local) in enumerate(zip(variants, self._local, strict=True)):
            check_overlaps(index, number, len(local.distinct))
        self._blocks = [
            tuple(blocks(len(local.distinct), strings_per_task(work[0].shape, work[0].instructions)))
            for local, work in zip(self._local, works, strict=True)
        ]

    def parts(self) -> Iterator[tuple[PartKey, Part]]:
        """What runs in workers, each with its key."""
        for fragment, (works, local, each) in enumerate(zip(self._works, self._local, self._blocks, strict=True)):
            if len(works) > 1:
                for index, work in enumerate(works):
                    yield PartKey(fragment, index), (amplitudes, work)
                continue
            for index, block in enumerate(each):
                terms = local.distinct.only(np.arange(block.start, block.stop))
                yield PartKey(fragment, index), (grams, works[0], terms)

    def values(self, found: Mapping[PartKey, Complexes]) -> Floats:
        """The observables' values, in the shape they were given in, from what every part returned."""
        weights = self._sums.weights * self._factors
        tensors = [
            [self._prepared(fragment, tensor) for tensor in self._overlaps(fragment, found)]
            for fragment in range(len(self._works))
        ]
        network = Network(self._cut, [tensor[0].shape for tensor in tensors], rising=True)
        rows, of = combinations(self._local, len(self._sums.terms))
        with one_thread() if network.operations < MANY_OPERATIONS else nullcontext():
            products = np.array(
                [
                    float(network.contract([each[i] for each, i in zip(tensors, row, strict=True)]).real)
                    for row in rows.tolist()
                ]
            )
        return np.asarray((weights @ products[of]).reshape(self._sums.shape))

    def _overlaps(self, fragment: int, found: Mapping[PartKey, Complexes]) -> Complexes:
        works, local, each = self._works[fragment], self._local[fragment], self._blocks[fragment]
        if len(works) == 1:
            blocks = [found[PartKey(fragment, i)] for i in range(len(each))]
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        states = np.concatenate([found[PartKey(fragment, i)] for i in range(len(works))])
        return gram_tensors(states, local.distinct)

    def _prepared(self, fragment: int, gram: Complexes) -> Complexes:
        """One axis of pairs a leg, in the order of their links, and the links' weights at their first sides."""
        links, places = self._links(fragment)
        split, shape = paired(gram, [link.terms for _, link in links], places)
        weights = self._weights[fragment]
        if weights is None:
            return np.ascontiguousarray(split).reshape(shape)
        # Into an array that is made once: memory that is new from the system costs more than what is done to it.
        tensor = np.empty(split.shape, dtype=complex)
        np.multiply(split, weights, out=tensor)
        return tensor.reshape(shape)

    @cached_property
    def _weights(self) -> list[Complexes | None]:
        """For each fragment the weights of its pairs of variants, as `paired` orders them; None where all are 1."""
        found: list[Complexes | None] = []
        for fragment in range(len(self._cut.fragments)):
            links, places = self._links(fragment)
            weights = np.ones(1, dtype=complex)
            for side, link in links:
                each = link.coefficients if side == 0 and link.paulis else np.ones(link.terms)
                weights = np.outer(weights, each).reshape(-1)
            if not any(side == 0 and link.paulis for side, link in links):
                found.append(None)
                continue
            split, _ = paired(np.outer(weights, weights.conj()), [link.terms for _, link in links], places)
            found.append(np.ascontiguousarray(split))
        return found

    def _links(self, fragment: int) -> tuple[list[tuple[int, Link]], list[int]]:
        """For each leg its side and its link, and the legs in the order of their links."""
        legs = self._cut.fragments[fragment].legs
        places = sorted(range(len(legs)), key=lambda place: legs[place].link)
        return [(leg.side, self._cut.links[leg.link]) for leg in legs], places
