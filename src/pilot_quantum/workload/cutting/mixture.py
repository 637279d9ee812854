"""Expectation values from the tensors of sampled fragments: values, derivatives, bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.fragments import CutCircuit, Fragment
from pilot_quantum.circuit.quasi import Decomposition
from pilot_quantum.workload.cutting.network import Network

Tensor = NDArray[Any]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class Mixture:
    """Observables as sums over products of the fragments' tensors and the links' weights.

    A fragment's tensor has an axis for each leg (its operations; the four Paulis of an outgoing wire) and a last one
    for its local strings. rows: which local string of each fragment a product has, shape (products, fragments).
    weights: of the products in every observable, shape (observables, products).
    """

    def __init__(
        self, cut: CutCircuit, decompositions: Sequence[Decomposition], rows: Indices, weights: Floats
    ) -> None:
        self._cut, self._decompositions = cut, decompositions
        self._rows, self._weights = rows.tolist(), weights
        sizes = [[decompositions[leg.link].weights.shape[1] for leg in each.legs] for each in cut.fragments]
        self._sizes = sizes
        self._network = Network(cut, sizes)

    def bound(self) -> Mixture:
        """The same with absolute weights: what the observables are at most, and their derivatives."""
        absolute = [Decomposition(each.first, each.second, np.abs(each.weights)) for each in self._decompositions]
        return Mixture(self._cut, absolute, np.array(self._rows, dtype=np.intp), np.abs(self._weights))

    def shape(self, fragment: Fragment, strings: int) -> tuple[int, ...]:
        """Of a fragment's tensor."""
        return (*(self._decompositions[leg.link].weights.shape[leg.side] for leg in fragment.legs), strings)

    def values(self, tensors: Sequence[Tensor]) -> Floats:
        """Of the observables: shape (observables,)."""
        prepared = [self._prepared(*each) for each in zip(self._cut.fragments, tensors, strict=True)]
        products = [self._network.contract(_chosen(prepared, row)) for row in self._rows]
        return np.asarray(self._weights @ np.array(products))

    def values_of_many(self, tensors: Sequence[Tensor]) -> Tensor:
        """The same for tensors with a first axis of samples: shape (observables, samples)."""
        samples = len(tensors[0])
        network = Network(self._cut, self._sizes, batch=samples)
        prepared = [self._prepared(each, tensor, 1) for each, tensor in zip(self._cut.fragments, tensors, strict=True)]
        products = [network.contract(_chosen(prepared, row)) for row in self._rows]
        return np.asarray(self._weights @ np.array(products))

    def gradients(self, tensors: Sequence[Tensor]) -> list[Floats]:
        """The observables' derivatives by every fragment's tensor: shape (observables, *shape of the tensor)."""
        prepared = [self._prepared(*each) for each in zip(self._cut.fragments, tensors, strict=True)]
        found = []
        for index, (fragment, tensor) in enumerate(zip(self._cut.fragments, prepared, strict=True)):
            gradient = np.zeros((len(self._weights), *tensor.shape))
            slopes: dict[tuple[int, ...], Tensor] = {}
            for row, weights in zip(self._rows, self._weights.T, strict=True):
                others = (*row[:index], *row[index + 1 :])
                if others not in slopes:
                    slopes[others] = self._network.gradient(_chosen(prepared, row), index)
                slope = slopes[others]
                gradient[..., row[index]] += weights.reshape(-1, *(1,) * slope.ndim) * slope
            for axis, leg in enumerate(fragment.legs):
                if leg.side == 0:
                    gradient = _applied(gradient, 1 + axis, self._decompositions[leg.link].weights.T)
            found.append(gradient)
        return found

    def _prepared(self, fragment: Fragment, tensor: Tensor, lead: int = 0) -> Tensor:
        for axis, leg in enumerate(fragment.legs):
            if leg.side == 0:
                tensor = _applied(tensor, lead + axis, self._decompositions[leg.link].weights)
        return tensor


def _chosen(tensors: Sequence[Tensor], row: Sequence[int]) -> list[Tensor]:
    return [tensor[..., string] for tensor, string in zip(tensors, row, strict=True)]


def _applied(tensor: Tensor, axis: int, matrix: Floats) -> Tensor:
    """The sum over `axis` with the first axis of `matrix`, whose second takes its place."""
    return np.asarray(np.moveaxis(np.tensordot(tensor, matrix, axes=(axis, 0)), -1, axis))
