"""A circuit as a plain list of gates: what our generators make, independent of any framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateShape:
    """How many qubits a gate acts on and how many angles (radians) it takes."""

    qubits: int
    angles: int


GATES = {
    **dict.fromkeys(("h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx"), GateShape(1, 0)),
    **dict.fromkeys(("rx", "ry", "rz", "p"), GateShape(1, 1)),
    **dict.fromkeys(("cx", "cz", "swap"), GateShape(2, 0)),
    **dict.fromkeys(("cp", "cry", "rzz"), GateShape(2, 1)),
    "ccx": GateShape(3, 0),
}
"""Every gate that a `Program` may hold, by its OpenQASM name. A controlled gate names its controls first."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: its OpenQASM name, the qubits that it acts on and its angles in radians."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        shape = GATES.get(self.name)
        if shape is None:
            raise ValueError(f"gate {self.name!r} is not one of {', '.join(sorted(GATES))}")
        if (len(self.qubits), len(self.angles)) != (shape.qubits, shape.angles):
            raise ValueError(
                f"gate {self.name!r} takes {shape.qubits} qubits and {shape.angles} angles, "
                f"not {self.qubits} and {self.angles}"
            )
        if len(set(self.qubits)) != len(self.qubits):
            raise ValueError(f"gate {self.name!r} uses a qubit twice: {self.qubits}")


@dataclass(frozen=True, slots=True)
class Program:
    """A circuit of one of our families.

    name: unique, also the file's stem. family: what its table row says. qubits: width of the register.
    measured: how many of the first qubits are measured at the end; 0 for none.
    """

    name: str
    family: str
    qubits: int
    gates: tuple[Gate, ...]
    measured: int = 0

    def __post_init__(self) -> None:
        if self.qubits < 1 or not 0 <= self.measured <= self.qubits:
            raise ValueError(f"program {self.name!r}: {self.qubits} qubits, {self.measured} measured")
        widest = max((qubit for gate in self.gates for qubit in gate.qubits), default=0)
        if widest >= self.qubits:
            raise ValueError(f"program {self.name!r} has {self.qubits} qubits but uses qubit {widest}")


def gate(name: str, *qubits: int, angle: float | None = None) -> Gate:
    """A gate, its angle rounded to 12 digits so that every machine's libm writes the same text."""
    return Gate(name, qubits, () if angle is None else (round(angle, 12),))
