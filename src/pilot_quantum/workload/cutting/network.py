"""The answer from the fragments' tensors: one index a link, summed by the cheapest order that opt_einsum finds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.contraction import contraction
from pilot_quantum.circuit.fragments import CutCircuit

Tensor = NDArray[Any]


class Network:
    """Which fragment has which links; contracts tensors whose first axes are the fragments' legs in order.

    cut: the circuit. sizes: of the index of every leg of every fragment. outputs: for each fragment the sizes of axes
    after its legs, that the answer keeps: they come in the order of the fragments. batch: of as many networks at once,
    the first axis of every tensor and of the answer; 0: one, without that axis. rising: the legs' axes are in the order
    of their links instead, alike in all tensors, so that fewer have to be moved to be summed over.
    """

    def __init__(
        self,
        cut: CutCircuit,
        sizes: Sequence[Sequence[int]],
        outputs: Sequence[Sequence[int]] | None = None,
        batch: int = 0,
        rising: bool = False,
    ) -> None:
        self._legs = [[leg.link for leg in fragment.legs] for fragment in cut.fragments]
        if rising:
            self._legs = [sorted(legs) for legs in self._legs]
        outputs = outputs or [()] * len(self._legs)
        free = len(cut.links)
        first = (free,) if batch else ()
        free += len(first)
        self._labels: list[tuple[int, ...]] = []
        self._kept: list[int] = [*first]
        for legs, axes in zip(self._legs, outputs, strict=True):
            mine = list(range(free, free + len(axes)))
            free += len(axes)
            self._labels.append((*first, *legs, *mine))
            self._kept += mine
        lead = (batch,) if batch else ()
        self._shapes = [(*lead, *map(int, legs), *map(int, axes)) for legs, axes in zip(sizes, outputs, strict=True)]

    def contract(self, tensors: Sequence[Tensor]) -> Tensor:
        """The product of all, summed over the links. Raises CircuitTooLargeError."""
        return np.asarray(self._whole(*tensors)) if tensors else np.ones(())

    @property
    def operations(self) -> float:
        """Multiplications and additions of `contract`. Raises CircuitTooLargeError."""
        return contraction(self._labels, self._shapes, self._kept).operations if self._labels else 0.0

    @cached_property
    def _whole(self) -> Any:
        return self._expression(range(len(self._labels)), self._kept)

    def gradient(self, tensors: Sequence[Tensor], fragment: int) -> Tensor:
        """The derivative of a scalar `contract` by the tensor of `fragment`: the network without it."""
        others = [i for i in range(len(tensors)) if i != fragment]
        if not others:
            return np.ones(())
        if fragment not in self._without:
            self._without[fragment] = self._expression(others, self._labels[fragment])
        return np.asarray(self._without[fragment](*(tensors[i] for i in others)))

    @cached_property
    def _without(self) -> dict[int, Any]:
        return {}

    def _expression(self, members: Sequence[int] | range, kept: Sequence[int]) -> Any:
        import opt_einsum  # type: ignore[import-untyped]

        shapes = [self._shapes[i] for i in members]
        found = contraction([self._labels[i] for i in members], shapes, kept)
        return opt_einsum.contract_expression(found.equation, *shapes, optimize=found.path)


def doubled(tensor: Tensor, legs: Sequence[int], tail: int = 0) -> Tensor:
    """A tensor of pairs (a, b) of variants as one with a single axis a leg, of size terms²: a first, then b.

    tensor: shape (variants, variants), `legs` the terms of each leg; with `tail` axes more at its end, which stay.
    """
    split, shape = paired(tensor, legs, range(len(legs)), tail)
    return split.reshape(shape)


def paired(tensor: Tensor, legs: Sequence[int], places: Sequence[int], tail: int = 0) -> tuple[Tensor, tuple[int, ...]]:
    """The same as a view with two axes a leg, a and b, and the shape that it has with one.

    places: which leg each axis of that is of.
    """
    count, last = len(legs), tensor.shape[tensor.ndim - tail :]
    order = [axis for leg in places for axis in (leg, count + leg)]
    split = tensor.reshape((*legs, *legs, *last)).transpose(*order, *range(2 * count, 2 * count + tail))
    return split, (*(legs[leg] ** 2 for leg in places), *last)


def weighted(tensor: Tensor, axis: int, weights: Tensor) -> Tensor:
    """`tensor` times `weights` along `axis`."""
    shape = [1] * tensor.ndim
    shape[axis] = len(weights)
    return np.asarray(tensor * weights.reshape(shape))
