"""Cost of looking for cuts (`circuit.finding.find_cuts`), in the session."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

FIND = "find"

EFFORT = 0
"""Of the search, as a planner asks for it: without the random walk, which takes a third of the time and finds something
in one circuit of a few hundred.
"""


@dataclass(frozen=True, slots=True)
class Find:
    """Predicts one search. rates: of the model "find"."""

    rates: Rates

    def units(self, skeleton: Skeleton, parts: int = 2) -> Units:
        """parts: into how many the width asked for divides the qubits, rounded up.

        Orders and blocks take time by qubits ("qubit", "square") and two-qubit gates ("gate"). Where interactions make
        loops no order divides well, and the local search that follows takes the longer the more loops and parts
        ("loop").
        """
        wide = [wires for wires in skeleton.wires if len(wires) > 1]
        pairs = {(min(wires), max(wires)) for wires in wide}
        qubits = len({qubit for pair in pairs for qubit in pair})
        loops = len(pairs) - qubits + _components(pairs)
        return {
            "fixed": 1.0,
            "qubit": float(qubits),
            "square": float(qubits**2),
            "gate": float(len(wide)),
            "loop": float(loops * parts),
        }

    def predict(self, skeleton: Skeleton, parts: int = 2) -> Prediction:
        """Looking for cuts of `skeleton`'s circuit into about so many parts."""
        return priced(self.units(skeleton, parts), self.rates)


def _components(pairs: set[tuple[int, int]]) -> int:
    """Groups of qubits that hang together."""
    parent = {qubit: qubit for pair in pairs for qubit in pair}

    def root(qubit: int) -> int:
        while parent[qubit] != qubit:
            parent[qubit] = qubit = parent[parent[qubit]]
        return qubit

    for one, other in pairs:
        parent[root(one)] = root(other)
    return sum(qubit == root(qubit) for qubit in parent)
