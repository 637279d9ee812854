"""A circuit and what is asked of it, read no further than somebody wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pilot_quantum.circuit.light_cone import Cone, Cones, Letters, Pruned, kept, light_cones
from pilot_quantum.circuit.observable import Observable, require_width
from pilot_quantum.circuit.skeleton import Skeleton, read_skeleton
from pilot_quantum.dreamer.models.light_cone import Part, apart, whole
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Sum = tuple[tuple[int, float], ...]
"""An observable as (position in `Question.terms`, coefficient)."""


@dataclass(frozen=True, eq=False)
class Question:
    """Expectation values of a circuit.

    circuit: of standard gates; measurements at its end are ignored. observables: in C order; shape: as they were given,
    () for a single one. Raises CircuitError where an observable does not fit the circuit.
    """

    circuit: QuantumCircuit
    observables: tuple[Observable, ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        for observable in self.observables:
            require_width(observable, f"circuit {self.circuit.name!r}", self.circuit.num_qubits)

    @cached_property
    def terms(self) -> tuple[Letters, ...]:
        """The distinct Pauli strings of all observables, in the order in which they come up; {} is the identity."""
        return tuple(dict(paulis) for paulis in self._places)

    @cached_property
    def sums(self) -> tuple[Sum, ...]:
        """What each observable is of the terms."""
        places = self._places
        return tuple(
            tuple((places[term.paulis], term.coefficient) for term in observable.terms)
            for observable in self.observables
        )

    @cached_property
    def skeleton(self) -> Skeleton:
        """Of the whole circuit."""
        return read_skeleton(self.circuit)

    @cached_property
    def cones(self) -> Cones:
        """The light cone of every term."""
        return light_cones(self.skeleton, self.terms)

    @cached_property
    def everything(self) -> Part:
        """All terms on the whole circuit, nothing pruned."""
        gates, qubits = tuple(range(len(self.skeleton))), tuple(range(self.skeleton.qubits))
        return Part(tuple(range(len(self.terms))), Cone(gates, qubits), self.skeleton, self.terms)

    @cached_property
    def whole(self) -> Part:
        """All terms on what any of them depends on."""
        return whole(self.skeleton, self.cones, self.terms)[0]

    @cached_property
    def apart(self) -> tuple[Part, ...]:
        """Terms in runs of their own, those with larger cones taking in those with smaller ones."""
        return tuple(apart(self.skeleton, self.cones, self.terms))

    @cached_property
    def pruned(self) -> Pruned:
        """The circuit of `whole`."""
        return kept(self.circuit, self.skeleton, self.whole.cone)

    def circuits(self, candidate: Candidate) -> list[tuple[QuantumCircuit, Sequence[int], Sequence[Letters]]]:
        """What `candidate` runs, one entry for each of its parts: circuit, terms, and these on the circuit's qubits."""
        match candidate.pruning:
            case Pruning.NONE:
                return [(self.circuit, range(len(self.terms)), self.terms)]
            case Pruning.WHOLE:
                return [(self.pruned.circuit, self.whole.terms, self.whole.letters)]
            case Pruning.APART:
                return [
                    (kept(self.circuit, self.skeleton, part.cone).circuit, part.terms, part.letters)
                    for part in self.apart
                ]

    @cached_property
    def _places(self) -> dict[tuple[tuple[int, str], ...], int]:
        distinct = dict.fromkeys(term.paulis for observable in self.observables for term in observable.terms)
        return {paulis: i for i, paulis in enumerate(distinct)}
