"""One PUB of an estimator's call that is run as planned."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from pilot_quantum.circuit.terms import observable_of
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.workload.blocks import UnitKey, seed_of
from pilot_quantum.workload.planned.elements import Elements, Floats, Indices
from pilot_quantum.workload.planned.methods import method_named
from pilot_quantum.workload.planned.plans import Plans
from pilot_quantum.workload.planned.prepare import Crew, Prepared
from pilot_quantum.workload.planned.reading import columns


class PubKey(NamedTuple):
    """A task of a PUB: which of the candidates it is run with, and its key among that one's."""

    pub: int
    choice: int
    key: Hashable

    def __str__(self) -> str:
        return f"PUB {self.pub} ({self.key})"


class Group(NamedTuple):
    """Elements of a PUB, by their positions, that are run as one candidate says."""

    candidate: Candidate
    positions: Indices
    prepared: Prepared


class PlannedEstimation:
    """A validated PUB, planned and checked; nothing of it is handed over before `futures` is asked for.

    index: of the PUB in its call. values: of all bindings, the last axis over the circuit's parameters. circuit: the
    PUB's in gates alone (`flatten.as_gates`). Raises what planning does, CircuitError, CircuitTooLargeError.
    """

    def __init__(
        self,
        index: int,
        pub: EstimatorPub,
        values: Floats,
        circuit: QuantumCircuit,
        strategy: str,
        plans: Plans,
        crew: Crew,
    ) -> None:
        began = perf_counter()
        self.index, self.pub, self._strategy = index, pub, strategy
        self._elements = _elements(pub)
        rows = values.reshape(pub.parameter_values.size, values.shape[-1])[:, columns(pub.circuit, circuit)]
        self._groups: list[Group] = []
        self._planning = 0.0
        if len(self._elements):
            observables = tuple(map(observable_of, pub.observables.sparse_observables_array().ravel()))
            question = Question(circuit, observables, pub.observables.shape)
            choices = list(plans.choices(question, rows, strategy))
            self._planning = perf_counter() - began
            for candidate, bindings in choices:
                positions = np.flatnonzero(np.isin(self._elements.binding, bindings))
                prepared = crew.prepare(question, candidate, rows, self._elements.only(positions))
                self._groups.append(Group(candidate, positions, prepared))
        self._tasks = 0

    def futures(self) -> Iterator[tuple[PubKey, Future[Any]]]:
        """Hand everything over; each task's future with its key."""
        for number, group in enumerate(self._groups):
            for key, future in group.prepared.futures():
                self._tasks += 1
                yield PubKey(self.index, number, key), future

    def result(self, found: Mapping[Any, Any], entropy: int) -> PubResult:
        """The PUB's result from what every task returned.

        With a precision, each element is drawn from a normal distribution around the exact value with that standard
        deviation, whatever the plan: the same seed gives the same noise.
        """
        of_group: list[dict[Any, Any]] = [{} for _ in self._groups]
        for key, value in found.items():
            if key.pub == self.index:
                of_group[key.choice][key.key] = value
        evs = np.zeros(len(self._elements))
        for group, outcomes in zip(self._groups, of_group, strict=True):
            evs[group.positions] = group.prepared.values(outcomes)
        precision = float(self.pub.precision or 0.0)
        if precision:
            evs = np.random.default_rng(seed_of(entropy, UnitKey(self.index, 0, 0))).normal(evs, precision)
        evs = evs.reshape(self.pub.shape)
        return PubResult(
            DataBin(evs=evs, stds=np.full(evs.shape, precision), shape=evs.shape),
            metadata={
                "target_precision": self.pub.precision,
                "circuit_metadata": self.pub.circuit.metadata,
                "simulator_metadata": {"method": _joined(map(_method, self._candidates)), "units": self._tasks},
                "strategy": _joined(candidate.name for candidate in self._candidates) or self._strategy,
                "planning_seconds": self._planning,
            },
        )

    @property
    def _candidates(self) -> Sequence[Candidate]:
        return [group.candidate for group in self._groups]


def _elements(pub: EstimatorPub) -> Elements:
    """The PUB's pairs (binding, observable), as NumPy's broadcasting forms them."""
    bindings, observables = pub.parameter_values, pub.observables
    pairs = np.broadcast_arrays(
        np.arange(bindings.size).reshape(bindings.shape), np.arange(observables.size).reshape(observables.shape)
    )
    binding, observable = (array.ravel() for array in pairs)
    return Elements(binding, observable, bindings.size, observables.size)


def _method(candidate: Candidate) -> str:
    return CUT if candidate.method == CUT else method_named(candidate.method).value


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
