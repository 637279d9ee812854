"""A circuit in pieces: what its cuts leave connected, and the legs that join the pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.circuit.given import check_circuit, check_cuts
from pilot_quantum.circuit.interactions import WIRE_OVERHEAD
from pilot_quantum.circuit.schmidt import Matrix, SchmidtForm, schmidt_form
from pilot_quantum.circuit.standard import unitary_of
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit


class LegKind(StrEnum):
    """A side of a cut gate; a cut wire's later part, which begins here; its earlier part, which ends here."""

    GATE = auto()
    INCOMING = auto()
    OUTGOING = auto()


@dataclass(frozen=True, slots=True)
class Leg:
    """Where a cut touches a fragment.

    link: which of `CutCircuit.links`. side: of the gate (0: its first qubit); of a wire 0 is outgoing. qubit: of the
    fragment's circuit. position: the leg acts before this instruction of the circuit; its length: after all.
    """

    link: int
    kind: LegKind
    side: int
    qubit: int
    position: int


@dataclass(frozen=True, slots=True)
class Link:
    """A cut between two legs: the index that they share. The answer is a sum over it, weighted by `coefficients`.

    paulis: the middles of a cut gate's terms, as in `SchmidtForm`; empty for a wire, whose terms are |0><0| and |1><1|.
    """

    coefficients: Matrix
    paulis: tuple[int, ...]
    overhead: float

    @property
    def terms(self) -> int:
        """How many values the index has."""
        return len(self.coefficients)


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """One piece: a circuit with what every cut gate's terms have in common, and legs where the terms differ.

    legs: sides of gates and incoming wires by position, then outgoing wires. ends: for each qubit of `circuit` the
    qubit of the whole circuit whose final state it holds; None where its wire goes on in another fragment.
    """

    circuit: QuantumCircuit
    legs: tuple[Leg, ...]
    ends: tuple[int | None, ...]

    @property
    def width(self) -> int:
        """Number of qubits."""
        return len(self.ends)

    @property
    def outgoing(self) -> tuple[int, ...]:
        """Qubits whose wires go on, in the order of their legs."""
        return tuple(leg.qubit for leg in self.legs if leg.kind is LegKind.OUTGOING)


@dataclass(frozen=True, eq=False)
class CutCircuit:
    """A circuit as fragments and the links between them.

    qubits: of the whole circuit. idle: those that nothing acts on, in state 0. readout: the qubit that each measured
    classical bit holds. healed: cuts that were undone, since both their sides are in one fragment anyway.
    """

    qubits: int
    fragments: tuple[Fragment, ...]
    links: tuple[Link, ...]
    idle: frozenset[int]
    readout: Mapping[int, int]
    healed: int

    @property
    def overhead(self) -> float:
        """κ²: what cutting multiplies the shots for a given error by, where only samples can be had."""
        return float(np.prod([link.overhead for link in self.links]))

    @cached_property
    def places(self) -> dict[int, tuple[int, int]]:
        """(fragment, its qubit) where each qubit that is not idle ends."""
        return {
            end: (index, qubit)
            for index, fragment in enumerate(self.fragments)
            for qubit, end in enumerate(fragment.ends)
            if end is not None
        }


def cut_circuit(circuit: QuantumCircuit, cuts: Cuts) -> CutCircuit:
    """`circuit` in pieces, with `cuts` made. Barriers and delays are left out, measurements at the end read off.

    A cut within one piece costs and saves nothing, so it is undone. A cut gate that entangles nothing leaves no link.
    Raises CircuitError: unbound parameters, mid-circuit measurement, reset, control flow, other than unitary
    instructions, and cuts that are not where a gate or a wire is.
    """
    check_circuit(circuit)
    check_cuts(cuts)
    return _Cutter(circuit, cuts).cut()


@dataclass(frozen=True, slots=True)
class _Gate:
    instruction: Any
    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _GateCut:
    instruction: Any
    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _WireCut:
    segments: tuple[int, int]


class _Piece:
    """A fragment while it is built."""

    def __init__(self, segments: list[int]) -> None:
        from qiskit.circuit import QuantumCircuit

        self.circuit = QuantumCircuit(len(segments))
        self.local = {segment: self.circuit.qubits[i] for i, segment in enumerate(segments)}
        self.index = {segment: i for i, segment in enumerate(segments)}
        self.legs: list[Leg] = []

    def append(self, instruction: Any, segments: tuple[int, ...]) -> None:
        # The instruction as it is: asking for its operation would make each gate anew.
        self.circuit._append(instruction.replace(qubits=[self.local[segment] for segment in segments]))

    def leg(self, link: int, kind: LegKind, side: int, segment: int) -> None:
        self.legs.append(Leg(link, kind, side, self.index[segment], len(self.circuit.data)))


class _Cutter:
    """Segments are what wire cuts leave of the qubits' wires; gates that are not cut join them to pieces."""

    def __init__(self, circuit: QuantumCircuit, cuts: Cuts) -> None:
        self.circuit, self.cuts = circuit, cuts
        self.readout: dict[int, int] = {}
        self.parent = list(range(circuit.num_qubits))
        self.final = list(range(circuit.num_qubits))
        self.healed = 0
        self.forms: dict[tuple[Any, ...], SchmidtForm] = {}
        if circuit.parameters:
            names = ", ".join(parameter.name for parameter in circuit.parameters)
            raise CircuitError(f"{_named(circuit)} has unbound parameters ({names}): bind them before it is cut.")

    def cut(self) -> CutCircuit:
        events = list(self._events())
        for event in events:
            if isinstance(event, _Gate):
                for segment in event.segments[1:]:
                    self._join(event.segments[0], segment)
        events = self._heal(events)
        used = {segment for event in events for segment in event.segments}
        members: dict[int, list[int]] = {}
        for segment in sorted(used):
            members.setdefault(self._root(segment), []).append(segment)
        pieces = {root: _Piece(segments) for root, segments in members.items()}
        links = self._fill(events, pieces)
        end_of = {segment: qubit for qubit, segment in enumerate(self.final)}
        fragments = tuple(
            Fragment(
                piece.circuit,
                tuple(sorted(piece.legs, key=lambda leg: leg.kind is LegKind.OUTGOING)),
                tuple(end_of.get(segment) for segment in members[root]),
            )
            for root, piece in pieces.items()
        )
        idle = frozenset(qubit for qubit, segment in enumerate(self.final) if segment not in used)
        return CutCircuit(self.circuit.num_qubits, fragments, links, idle, self.readout, self.healed)

    def _events(self) -> Iterator[_Gate | _GateCut | _WireCut]:
        index_of = {qubit: i for i, qubit in enumerate(self.circuit.qubits)}
        wires: dict[int, list[WireCut]] = {}
        for wire in self.cuts.wires:
            self._check_index(wire.index)
            wires.setdefault(wire.index, []).append(wire)
        for index in self.cuts.gates:
            self._check_index(index)
        gates = set(self.cuts.gates)
        for index, instruction in enumerate(self.circuit.data):
            qubits = tuple([index_of[qubit] for qubit in instruction.qubits])
            for wire in wires.get(index, ()):
                if wire.qubit not in qubits:
                    raise CircuitError(
                        f"wire cut {tuple(wire)}: instruction {index} ({instruction.name!r}) acts on qubits "
                        f"{qubits}, not on {wire.qubit}. Cut a wire just before an instruction on that qubit."
                    )
                new = len(self.parent)
                self.parent.append(new)
                yield _WireCut((self.final[wire.qubit], new))
                self.final[wire.qubit] = new
            segments = tuple([self.final[qubit] for qubit in qubits])
            if index in gates:
                if len(qubits) != 2 or not self._is_gate(index, instruction, qubits):
                    raise CircuitError(
                        f"gate cut {index}: instruction {index} is {instruction.name!r} on {len(qubits)} qubits; "
                        "only gates on two qubits can be cut."
                    )
                yield _GateCut(instruction, segments)
            elif self._is_gate(index, instruction, qubits) and qubits:
                yield _Gate(instruction, segments)

    def _check_index(self, index: int) -> None:
        size = len(self.circuit.data)
        if not 0 <= index < size:
            raise CircuitError(f"a cut names instruction {index}, but {_named(self.circuit)} has {size} (from 0).")

    def _is_gate(self, index: int, instruction: Any, qubits: tuple[int, ...]) -> bool:
        """Whether it is a gate; else it can be left out, or is a measurement at the end. Raises CircuitError."""
        standard = instruction.is_standard_gate()
        name = instruction.name
        if not standard and name in ("barrier", "delay"):
            return False
        if self.readout and not set(qubits).isdisjoint(self.readout.values()) and name != "measure":
            raise CircuitError(
                f"{_named(self.circuit)} acts on a qubit after its measurement (instruction {index}, {name!r}): "
                "circuits with mid-circuit measurements cannot be cut. Measure at the end, or run the circuit whole."
            )
        if standard:
            return True
        if name == "measure":
            self.readout[self.circuit.find_bit(instruction.clbits[0]).index] = qubits[0]
            return False
        from qiskit.circuit import ControlFlowOp, Gate, Operation

        operation = instruction.operation
        if isinstance(operation, Gate) or (isinstance(operation, Operation) and hasattr(operation, "to_matrix")):
            return True
        what = "control flow" if isinstance(operation, ControlFlowOp) else "no unitary gate"
        raise CircuitError(
            f"{_named(self.circuit)} has {name!r} (instruction {index}), which is {what}: it cannot be cut. "
            "Take it out, unroll or decompose it, or run the circuit whole."
        )

    def _heal(self, events: list[_Gate | _GateCut | _WireCut]) -> list[_Gate | _GateCut | _WireCut]:
        kept: list[_Gate | _GateCut | _WireCut] = []
        same: dict[int, int] = {}  # a segment that a healed wire makes part of an earlier one
        for event in events:
            segments = tuple([same.get(segment, segment) for segment in event.segments])
            if isinstance(event, _Gate):
                kept.append(_Gate(event.instruction, segments))
            elif self._root(segments[0]) == self._root(segments[1]):
                self.healed += 1
                if isinstance(event, _WireCut):
                    same[event.segments[1]] = segments[0]
                else:
                    kept.append(_Gate(event.instruction, segments))
            elif isinstance(event, _WireCut):
                kept.append(_WireCut((segments[0], segments[1])))
            else:
                kept.append(_GateCut(event.instruction, segments))
        self.final = [same.get(segment, segment) for segment in self.final]
        return kept

    def _fill(self, events: list[_Gate | _GateCut | _WireCut], pieces: dict[int, _Piece]) -> tuple[Link, ...]:
        links: list[Link] = []
        for event in events:
            first, *others = (pieces[self._root(segment)] for segment in event.segments)
            if isinstance(event, _Gate):
                first.append(event.instruction, event.segments)
            elif isinstance(event, _WireCut):
                first.leg(len(links), LegKind.OUTGOING, 0, event.segments[0])
                others[0].leg(len(links), LegKind.INCOMING, 1, event.segments[1])
                links.append(Link(np.ones(2, dtype=complex), (), WIRE_OVERHEAD))
            else:
                form = self._form(event.instruction)
                for side, (piece, segment) in enumerate(zip((first, *others), event.segments, strict=True)):
                    _turn(piece, form.before[side], segment)
                    if len(form.paulis) > 1:
                        piece.leg(len(links), LegKind.GATE, side, segment)
                    _turn(piece, form.after[side], segment)
                if len(form.paulis) > 1:
                    links.append(Link(form.coefficients, form.paulis, form.overhead))
        return tuple(links)

    def _form(self, instruction: Any) -> SchmidtForm:
        """The Schmidt form of a gate, read once for equal ones."""
        if not instruction.is_standard_gate():
            return _form(instruction)
        key = (instruction.name, *instruction.params)
        if key not in self.forms:
            self.forms[key] = _form(instruction)
        return self.forms[key]

    def _root(self, segment: int) -> int:
        parent = self.parent
        while parent[segment] != segment:
            parent[segment] = parent[parent[segment]]
            segment = parent[segment]
        return segment

    def _join(self, one: int, other: int) -> None:
        low, high = sorted((self._root(one), self._root(other)))
        self.parent[high] = low


def _form(instruction: Any) -> SchmidtForm:
    try:
        matrix = unitary_of(instruction)
    except Exception as error:
        raise CircuitError(f"gate {instruction.name!r} has no matrix that its cut could start from: {error}") from error
    return schmidt_form(matrix)


def _turn(piece: _Piece, unitary: Matrix, segment: int) -> None:
    """Append a one-qubit unitary, up to its phase, which no result depends on."""
    if (turned := _turned(unitary.tobytes())) is not None:
        piece.append(turned, (segment,))


@lru_cache(maxsize=1024)
def _turned(content: bytes) -> Any:
    """A one-qubit unitary of these bytes as an instruction on some qubit, None for the identity."""
    unitary = np.frombuffer(content, dtype=complex).reshape(2, 2)
    if abs(unitary[0, 1]) <= 1e-15 and abs(unitary[0, 0] - unitary[1, 1]) <= 1e-15:
        return None
    from qiskit.circuit import CircuitInstruction, Qubit
    from qiskit.circuit.library import UGate
    from qiskit.synthesis import OneQubitEulerDecomposer

    return CircuitInstruction(UGate(*OneQubitEulerDecomposer("U").angles(unitary)), (Qubit(),))


def _named(circuit: QuantumCircuit) -> str:
    return f"circuit {circuit.name!r}"
