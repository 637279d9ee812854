"""One PUB of an estimator's call: divided into units, and put together from their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from pilot_quantum.circuit.updates import blocks, evolution_updates
from pilot_quantum.workload.blocks import UnitKey, bindings_per_unit, least_per_unit, seed_of
from pilot_quantum.workload.memory import Method, method_of
from pilot_quantum.workload.pauli import Floats, PauliTerms, paulis_of
from pilot_quantum.workload.traits import Traits
from pilot_quantum.workload.units import Work

Indices = NDArray[np.intp]
Arguments = tuple[Work, PauliTerms, tuple[Indices, ...] | None]


class Estimation:
    """A validated PUB whose elements are pairs (binding, observable), as NumPy's broadcasting forms them.

    Each binding is run once, whatever the number of observables and terms. Every distinct Pauli string is evaluated
    once for each binding that some observable wants it of.

    index: of the PUB in its call. values: of all bindings, the last axis over `circuit.parameters`.
    """

    def __init__(self, index: int, pub: EstimatorPub, values: Floats, traits: Traits, blob: bytes) -> None:
        self.index = index
        self.pub = pub
        self._method = method_of(traits)
        self._blob = blob
        bindings = pub.parameter_values
        self._values = values.reshape(bindings.size, values.shape[-1])
        pairs = np.broadcast_arrays(
            np.arange(bindings.size).reshape(bindings.shape),
            np.arange(pub.observables.size).reshape(pub.observables.shape),
        )
        self._binding, self._observable = (array.ravel() for array in pairs)
        self._terms, self._strings, self._weights = _table(pub)
        updates = evolution_updates(traits.instructions + len(self._terms), traits.active_qubits)
        size = bindings_per_unit(updates) if self._method is Method.STATEVECTOR else 1
        size = max(size, least_per_unit(bindings.size, len(blob)))
        self._blocks = tuple(blocks(bindings.size, size)) if pub.size else ()

    def units(self) -> Iterator[tuple[UnitKey, Arguments]]:
        """The units' keys, and what `workload.units.estimate` is to be called with."""
        for i, block in enumerate(self._blocks):
            work = Work(self._blob, self._values[block], self._method)
            if self._wanted is None:
                yield UnitKey(self.index, i, 0), (work, self._terms, None)
            else:
                wanted = self._wanted[block]
                union = np.unique(np.concatenate(wanted))
                places = tuple(np.searchsorted(union, each) for each in wanted)
                yield UnitKey(self.index, i, 0), (work, self._terms.only(union), places)

    def result(self, values: Mapping[UnitKey, Floats], entropy: int) -> PubResult:
        """The PUB's result from what every unit returned.

        With a precision, each element is drawn from a normal distribution around the exact value with that standard
        deviation, which is also its reported standard error: the model of Aer's EstimatorV2. Without, it is exact.
        """
        parts = [values[UnitKey(self.index, i, 0)] for i in range(len(self._blocks))]
        evs = self._combined(np.concatenate(parts)) if parts else np.zeros(self.pub.size)
        precision = float(self.pub.precision or 0.0)
        if precision:
            for i, block in enumerate(self._blocks):
                here = np.flatnonzero((self._binding >= block.start) & (self._binding < block.stop))
                rng = np.random.default_rng(seed_of(entropy, UnitKey(self.index, i, 0)))
                evs[here] = rng.normal(evs[here], precision)
        evs = evs.reshape(self.pub.shape)
        return PubResult(
            DataBin(evs=evs, stds=np.full(evs.shape, precision), shape=evs.shape),
            metadata={
                "target_precision": self.pub.precision,
                "circuit_metadata": self.pub.circuit.metadata,
                "simulator_metadata": {"method": self._method.value, "units": len(self._blocks)},
            },
        )

    @cached_property
    def _wanted(self) -> tuple[Indices, ...] | None:
        """For each binding the terms, in rising order, that its observables have; None where that is all of them."""
        bindings, observables = len(self._values), len(self._strings)
        if observables == 1 or self.pub.size == bindings * observables:
            return None
        wanted: list[list[Indices]] = [[] for _ in range(bindings)]
        for binding, observable in zip(self._binding.tolist(), self._observable.tolist(), strict=True):
            wanted[binding].append(self._strings[observable])
        return tuple(np.unique(np.concatenate(each)) for each in wanted)

    def _combined(self, found: Floats) -> Floats:
        if self._wanted is None:
            table = found.reshape(len(self._values), -1)
            sums = [table[:, s] @ w for s, w in zip(self._strings, self._weights, strict=True)]
            return np.asarray(np.stack(sums, axis=1)[self._binding, self._observable])
        starts = np.cumsum([0, *(len(each) for each in self._wanted)])
        evs = np.empty(len(self._binding))
        pairs = zip(self._binding.tolist(), self._observable.tolist(), strict=True)
        for element, (binding, observable) in enumerate(pairs):
            places = np.searchsorted(self._wanted[binding], self._strings[observable])
            evs[element] = found[starts[binding] + places] @ self._weights[observable]
        return evs


def _table(pub: EstimatorPub) -> tuple[PauliTerms, list[Indices], list[Floats]]:
    """The distinct Pauli strings of all observables; for each observable its strings' rows and their coefficients."""
    each = [paulis_of(observable) for observable in pub.observables.sparse_observables_array().ravel()]
    weights = [coefficients for _, coefficients in each]
    if len(each) == 1:
        ((terms, _),) = each
        return terms, [np.arange(len(terms))], weights
    width = pub.circuit.num_qubits
    rows = np.concatenate([np.zeros((0, 2 * width), dtype=bool), *(np.hstack([t.x, t.z]) for t, _ in each)])
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    ends = np.cumsum([len(terms) for terms, _ in each])[:-1]
    strings = np.split(inverse.reshape(-1), ends) if each else []
    return PauliTerms(distinct[:, :width], distinct[:, width:]), strings, weights
