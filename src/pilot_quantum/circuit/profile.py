"""What a planner knows of a circuit: numbers that its cost follows from, as data.

In stages, for planning must not take longer than running: `read_skeleton` costs about a microsecond a gate and tells
width, depth and counts; `light_cones` as much again; `profile_of` puts everything together, bounds on entanglement
included. Angles are never read, so circuits that differ by them alone have equal profiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from pilot_quantum.circuit.entanglement import bond_bits
from pilot_quantum.circuit.light_cone import Letters, light_cones
from pilot_quantum.circuit.skeleton import Skeleton, Wires, read_skeleton

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


class TermCone(msgspec.Struct, frozen=True):
    """The light cone of one Pauli term: its qubits, rising, and how many gates it has."""

    qubits: Wires
    gates: int


class InteractionEdge(msgspec.Struct, frozen=True, array_like=True):
    """An edge of the interaction graph: `gates` gates act on qubits `a` < `b` together."""

    a: int
    b: int
    gates: int


class CircuitProfile(msgspec.Struct, frozen=True):
    """One circuit and what is asked of it.

    structure: equal where names and wires of all gates are, whatever their angles. qubits: width; active: how many some
    gate acts on. depth: gates on the longest path. arities: (qubits of a gate, how many such gates), rising. names:
    (name, how many), most first. not_clifford: as `names`, of gates that are not Clifford by their name. diagonal:
    gates that are diagonal in the computational basis. cones: of each term, in order. cone: of all terms together.
    interactions: rising. bond_bits: log2 of the Schmidt rank over each bond of the line of qubits, at most.
    """

    structure: str
    qubits: int
    active: int
    gates: int
    depth: int
    arities: tuple[tuple[int, int], ...]
    names: tuple[tuple[str, int], ...]
    not_clifford: tuple[tuple[str, int], ...]
    diagonal: int
    cones: tuple[TermCone, ...]
    cone: TermCone
    interactions: tuple[InteractionEdge, ...]
    bond_bits: tuple[int, ...]

    @property
    def clifford(self) -> bool:
        """Whether every gate is Clifford by its name."""
        return not self.not_clifford

    @property
    def two_qubit_gates(self) -> int:
        """How many gates act on two qubits."""
        return dict(self.arities).get(2, 0)


def profile_of(circuit: QuantumCircuit | Skeleton, terms: Sequence[Letters] = ()) -> CircuitProfile:
    """The profile of `circuit` for these Pauli terms (`light_cone.letters_of` an observable).

    Raises CircuitError for a circuit whose final state is no state vector, and for a qubit that it does not have.
    """
    skeleton = circuit if isinstance(circuit, Skeleton) else read_skeleton(circuit)
    cones = light_cones(skeleton, terms)
    union = cones.union()
    names = Counter(skeleton.names)
    clifford = {name: kind.clifford for name, kind in zip(skeleton.names, skeleton.kinds, strict=True)}
    return CircuitProfile(
        structure=skeleton.structure,
        qubits=skeleton.qubits,
        active=len(skeleton.active),
        gates=len(skeleton),
        depth=skeleton.depth,
        arities=tuple(skeleton.arities.items()),
        names=tuple(sorted(names.items(), key=lambda item: (-item[1], item[0]))),
        not_clifford=tuple(
            sorted(
                ((name, count) for name, count in names.items() if not clifford[name]),
                key=lambda item: (-item[1], item[0]),
            )
        ),
        diagonal=sum(kind.diagonal for kind in skeleton.kinds),
        cones=tuple(TermCone(cones.qubits(term), gates) for term, (_, gates) in enumerate(cones.sizes())),
        cone=TermCone(union.qubits, len(union.gates)),
        interactions=_interactions(skeleton),
        bond_bits=bond_bits(skeleton),
    )


def _interactions(skeleton: Skeleton) -> tuple[InteractionEdge, ...]:
    edges: Counter[tuple[int, int]] = Counter()
    for wires, count in Counter(skeleton.wires).items():
        if len(wires) > 1:
            for a, b in combinations(sorted(wires), 2):
                edges[a, b] += count
    return tuple(InteractionEdge(a, b, count) for (a, b), count in sorted(edges.items()))
