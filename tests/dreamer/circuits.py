"""Skeletons for the models' tests, made without Qiskit."""

from __future__ import annotations

from hypothesis import strategies as st

from pilot_quantum.circuit import families
from pilot_quantum.circuit.program import GATES, Program, gate
from pilot_quantum.circuit.skeleton import Skeleton, program_skeleton


@st.composite
def skeletons(draw, least_qubits=1, most_qubits=18, most_gates=30) -> Skeleton:
    """A circuit of our own families' gates."""
    qubits = draw(st.integers(least_qubits, most_qubits))
    fitting = sorted(name for name, shape in GATES.items() if shape.qubits <= qubits)
    gates = []
    for name in draw(st.lists(st.sampled_from(fitting), max_size=most_gates)):
        wires = draw(st.permutations(range(qubits)))[: GATES[name].qubits]
        gates.append(gate(name, *wires, angle=0.1 if GATES[name].angles else None))
    return program_skeleton(Program("random", "random", qubits, tuple(gates)))


def ansatz(qubits, repetitions=2) -> Skeleton:
    return program_skeleton(families.efficient_su2(qubits, repetitions, seed=1))
