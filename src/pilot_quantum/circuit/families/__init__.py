"""Families of circuits, written by our own generators: pure functions from sizes and seeds to a `Program`."""

from pilot_quantum.circuit.families.algorithms import bernstein_vazirani, grover, qft
from pilot_quantum.circuit.families.ansatz import efficient_su2, qaoa
from pilot_quantum.circuit.families.clusters import clustered
from pilot_quantum.circuit.families.graph import regular_graph
from pilot_quantum.circuit.families.lattice import tfim
from pilot_quantum.circuit.families.scrambled import brickwork, clifford, clifford_t
from pilot_quantum.circuit.families.states import ghz, w_state

__all__ = [
    "bernstein_vazirani",
    "brickwork",
    "clifford",
    "clifford_t",
    "clustered",
    "efficient_su2",
    "ghz",
    "grover",
    "qaoa",
    "qft",
    "regular_graph",
    "tfim",
    "w_state",
]
