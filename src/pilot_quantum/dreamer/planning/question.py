"""A circuit and what is asked of it, read no further than somebody wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import CutCircuit, cut_circuit
from pilot_quantum.circuit.light_cone import Cone, Cones, Letters, Pruned, kept, light_cones
from pilot_quantum.circuit.observable import Observable, require_width
from pilot_quantum.circuit.skeleton import Skeleton, read_skeleton
from pilot_quantum.circuit.standard import opened
from pilot_quantum.circuit.terms import Operator, observable_of
from pilot_quantum.dreamer.models.light_cone import Part, apart, whole
from pilot_quantum.dreamer.models.mps import TAKEN
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Observables: TypeAlias = Union[Operator, "Sequence[Observables]"]
"""One observable, or nested sequences of them: what has a shape."""

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
            require_width(observable, repr(self.circuit.name), self.circuit.num_qubits)

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
        """All terms on the circuit as it is; qubits without a gate cost nothing, so they are not in the skeleton."""
        gates, qubits = tuple(range(len(self.skeleton))), self.skeleton.active
        idle = len(qubits) < self.skeleton.qubits
        skeleton = self.skeleton.only(gates, qubits) if idle else self.skeleton
        return Part(tuple(range(len(self.terms))), Cone(gates, qubits), skeleton, self.terms)

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

    @cached_property
    def divisible(self) -> QuantumCircuit:
        """The circuit of `whole` with no gate on more than two qubits: what cuts are counted in."""
        return opened(self.pruned.circuit, widest=2)

    @cached_property
    def line(self) -> QuantumCircuit | None:
        """The circuit of `whole` as Aer's matrix-product state takes gates on many qubits; None: that changes nothing.

        It takes few such, and the others in their parts. Gates on two qubits stay: their parts meet where they do.
        """
        skeleton = self.whole.skeleton
        if all(len(wires) <= 2 or name in TAKEN for wires, name in zip(skeleton.wires, skeleton.names, strict=True)):
            return None
        return opened(self.pruned.circuit, widest=2, kept=TAKEN)

    def pieces(self, cuts: Cuts) -> CutCircuit:
        """`divisible` cut there, as far as the terms depend on it; made once for the same cuts. Raises CircuitError."""
        if cuts not in self._pieces:
            qubits = set().union(*self.whole.letters)
            self._pieces[cuts] = observed(cut_circuit(self.divisible, cuts), qubits)
        return self._pieces[cuts]

    def in_pieces(self, cuts: Cuts) -> bool:
        """Whether `pieces` has been asked for these cuts before."""
        return cuts in self._pieces

    @cached_property
    def _pieces(self) -> dict[Cuts, CutCircuit]:
        return {}

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


def question_of(circuit: QuantumCircuit, observables: Observables) -> Question:
    """What a user asks: the circuit opened to standard gates, observables in whatever form and shape they have.

    Raises CircuitError for unbound parameters, which it names, for what is no observable, and for ragged sequences.
    """
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise CircuitError(
            f"circuit {circuit.name!r} has unbound parameters: {names}. Plans are made for values: bind them first "
            "(circuit.assign_parameters), or use session.estimator(strategy='auto'), which takes values."
        )
    flat, shape = _flattened(observables)
    circuit = opened(circuit)
    if any(step.name == "initialize" for step in circuit.data):
        circuit = opened(_of_gates(circuit))
    return Question(circuit, tuple(observable_of(one) for one in flat), shape)


def _flattened(observables: Any) -> tuple[list[Any], tuple[int, ...]]:
    """All of nested sequences in C order, and their shape."""
    if hasattr(observables, "sparse_observables_array"):  # qiskit.primitives' ObservablesArray
        array = observables.sparse_observables_array()
        return list(array.ravel()), tuple(array.shape)
    if not isinstance(observables, list | tuple):
        return [observables], ()
    parts = [_flattened(one) for one in observables]
    if not parts:
        raise CircuitError("no observable was given; give one, or a list of them.")
    if len({shape for _, shape in parts}) > 1:
        raise CircuitError("the observables are nested unevenly; give a list, or a list of lists of equal lengths.")
    return [one for flat, _ in parts for one in flat], (len(parts), *parts[0][1])


def _of_gates(circuit: QuantumCircuit) -> QuantumCircuit:
    """`circuit` with gates in place of initialisations, which not every simulator takes. Raises CircuitError."""
    read_skeleton(circuit)  # which refuses an initialisation of qubits that were used before
    gates = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name != "initialize":
            gates._append(step)
            continue
        inner = step.operation.definition
        place = dict(zip(inner.qubits, step.qubits, strict=True))
        for part in inner.data:
            if part.name != "reset":
                gates.append(part.operation, [place[qubit] for qubit in part.qubits])
    return gates
