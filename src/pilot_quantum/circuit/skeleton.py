"""A circuit read once: the names of its gates and the wires that they act on, no angles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from pilot_quantum.circuit.gate_kinds import KINDS, OPAQUE, GateKind
from pilot_quantum.circuit.program import Program
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Wires = tuple[int, ...]

_SILENT = frozenset(["barrier", "delay", "measure", "reset"])


@dataclass(frozen=True)
class Skeleton:
    """The gates of a circuit in their order; all sequences have one entry a gate.

    qubits: width of the circuit. places: index of each gate in `circuit.data`. inside: what tells gates apart that are
    more than their names, such as a matrix; it goes into `structure`.
    """

    qubits: int
    names: tuple[str, ...]
    wires: tuple[Wires, ...]
    kinds: tuple[GateKind, ...]
    places: tuple[int, ...]
    inside: bytes = b""

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def structure(self) -> str:
        """Equal for circuits that differ by angles alone: the key under which plans are kept. 32 hexadecimal digits."""
        digest = blake2b(repr((self.qubits, self.names, self.wires)).encode(), digest_size=16)
        digest.update(self.inside)
        return digest.hexdigest()

    @cached_property
    def active(self) -> Wires:
        """The qubits that some gate acts on, rising."""
        return tuple(sorted(set().union(*set(self.wires))))

    @cached_property
    def arities(self) -> dict[int, int]:
        """How many gates act on one qubit, on two, and so on."""
        return dict(sorted(Counter(map(len, self.wires)).items()))

    @cached_property
    def depth(self) -> int:
        """Gates on the longest path; barriers, delays and measurements do not count."""
        level = [0] * self.qubits
        for wires in self.wires:
            if len(wires) == 1:
                level[wires[0]] += 1
            else:
                now = 1 + max([level[q] for q in wires], default=0)
                for q in wires:
                    level[q] = now
        return max(level, default=0)

    def only(self, gates: Wires, qubits: Wires) -> Skeleton:
        """These gates alone, on `qubits` counted anew in their order."""
        narrow = {qubit: i for i, qubit in enumerate(qubits)}
        return Skeleton(
            qubits=len(qubits),
            names=tuple([self.names[i] for i in gates]),
            wires=tuple([tuple([narrow[q] for q in self.wires[i]]) for i in gates]),
            kinds=tuple([self.kinds[i] for i in gates]),
            places=tuple([self.places[i] for i in gates]),
            inside=self.inside,
        )


def read_skeleton(circuit: QuantumCircuit) -> Skeleton:
    """The skeleton of `circuit`, in one pass.

    Raises CircuitError where the final state is no state vector that gates alone make: classical control, a gate after
    a measurement of its qubit, a reset or an initialisation of a qubit that was used before.
    """
    index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    names: list[str] = []
    wires: list[Wires] = []
    kinds: list[GateKind] = []
    places: list[int] = []
    inside: list[bytes] = []
    measured: set[int] = set()
    special = False  # whether something beside standard gates has been seen
    for place, step in enumerate(circuit.data):
        name, qubits = step.name, tuple([index[qubit] for qubit in step.qubits])
        if step.is_standard_gate():
            kind = KINDS.get(name, OPAQUE)
            if measured and not measured.isdisjoint(qubits):
                raise _mid_circuit(name, place, qubits)
            if not qubits:  # a global phase
                continue
        elif name in _SILENT:
            if name == "measure":
                measured.update(qubits)
            elif name == "reset" and (qubits[0] in measured or any(qubits[0] in each for each in wires)):
                raise CircuitError(_refused(f"resets qubit {qubits[0]} after it was used", place))
            continue
        else:
            _check(step, place, qubits, measured, wires)
            kind, special = OPAQUE, True
            inside += _inside(step.operation)
        names.append(name)
        wires.append(qubits)
        kinds.append(kind)
        places.append(place)
    told = b"\0".join(inside) if special else b""
    return Skeleton(circuit.num_qubits, tuple(names), tuple(wires), tuple(kinds), tuple(places), told)


def program_skeleton(program: Program) -> Skeleton:
    """The skeleton of a program of ours, as that of its Qiskit circuit."""
    names = tuple(gate.name for gate in program.gates)
    wires = tuple(gate.qubits for gate in program.gates)
    kinds = tuple(KINDS.get(name, OPAQUE) for name in names)
    return Skeleton(program.qubits, names, wires, kinds, tuple(range(len(names))))


def _check(step: Any, place: int, qubits: Wires, measured: set[int], before: list[Wires]) -> None:
    """Raise CircuitError where an instruction that is no standard gate leaves no state vector."""
    from qiskit.circuit import BreakLoopOp, ContinueLoopOp, ControlFlowOp, Gate, Store

    operation = step.operation
    if isinstance(operation, ControlFlowOp | BreakLoopOp | ContinueLoopOp | Store):
        raise CircuitError(_refused(f"has classical control flow ({step.name!r})", place))
    if not measured.isdisjoint(qubits):
        raise _mid_circuit(step.name, place, qubits)
    if not isinstance(operation, Gate):
        if step.clbits or step.name != "initialize":
            raise CircuitError(_refused(f"has {step.name!r}, which is no gate", place))
        if any(not set(qubits).isdisjoint(each) for each in before):
            raise CircuitError(_refused("initialises qubits after they were used", place))


def _mid_circuit(name: str, place: int, qubits: Wires) -> CircuitError:
    return CircuitError(_refused(f"has {name!r} on {list(qubits)} after a measurement there", place))


def _refused(what: str, place: int) -> str:
    return (
        f"the circuit {what} (instruction {place}); plans are made for circuits of gates whose measurements stand at "
        "the end. Run it as it is, with session.sampler(), or leave this out."
    )


def _inside(operation: Any) -> Iterator[bytes]:
    """What an opaque gate is, angles left out: its arrays, or else the structure of its definition."""
    yield type(operation).__qualname__.encode()
    arrays = [value for value in operation.params if isinstance(value, np.ndarray)]
    if arrays:
        yield from (value.tobytes() for value in arrays)
        return
    if operation.params and operation.name in ("initialize", "state_preparation"):
        yield repr(operation.params).encode()
        return
    if operation.definition is not None:
        body = operation.definition
        index = {qubit: i for i, qubit in enumerate(body.qubits)}
        for step in body.data:
            yield repr((step.name, [index[qubit] for qubit in step.qubits])).encode()
            if not step.is_standard_gate() and step.name not in _SILENT:
                yield from _inside(step.operation)
