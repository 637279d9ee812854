"""Whether what was given as a circuit or as its cuts is one."""

from __future__ import annotations

from reprlib import repr as short

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.errors import CircuitError


def check_circuit(circuit: object) -> None:
    """Raise CircuitError unless `circuit` is a Qiskit circuit."""
    from qiskit.circuit import QuantumCircuit

    if not isinstance(circuit, QuantumCircuit):
        raise CircuitError(
            f"{short(circuit)} is no circuit but {_article(circuit)}; give a qiskit.QuantumCircuit. Circuits in files "
            "are read by pilot_quantum.circuit.files.read_circuits."
        )


def check_cuts(cuts: object) -> None:
    """Raise CircuitError unless `cuts` are `Cuts`."""
    if not isinstance(cuts, Cuts):
        raise CircuitError(
            f"{short(cuts)} are no cuts but {_article(cuts)}; give Cuts(gates=..., wires=...), such as "
            "find_cuts(circuit, width).best.cuts. Cuts() cuts nothing."
        )


def _article(thing: object) -> str:
    name = type(thing).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
