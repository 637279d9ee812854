"""Cost of looking for cuts (`circuit.finding.find_cuts`), in the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

FIND = "find"

EFFORT = 0
"""Of the search, as a planner asks for it: without the random walk, which takes a third of the time and finds something
in one circuit of a few hundred.
"""


class Search(NamedTuple):
    """What is searched: qubits with gates on several, such gates, and independent loops of interactions."""

    qubits: int
    gates: int
    loops: int

    @classmethod
    def of(cls, skeleton: Skeleton) -> Search:
        """A search for cuts of `skeleton`'s circuit."""
        wide = [wires for wires in skeleton.wires if len(wires) > 1]
        pairs = {(min(wires), max(wires)) for wires in set(wide)}
        qubits = len({qubit for pair in pairs for qubit in pair})
        return cls(qubits, len(wide), len(pairs) - qubits + _components(pairs))


@dataclass(frozen=True, slots=True)
class Find:
    """Predicts one search. rates: of the model "find"."""

    rates: Rates

    def units(self, search: Search, crossing: float = 0.0, narrower: int = 0) -> Units:
        """crossing: log2 of the Schmidt terms of all gates between the sides of a good division (`Glance.bits`);
        narrower: for how many narrower widths fragments are looked for, too.

        Orders and blocks take time by qubits ("qubit", "square") and two-qubit gates ("gate"), and again for each
        narrower width ("narrower"). Where interactions make loops and no place divides them well, the local search
        that follows takes the longer, the more loops there are and the more is cut for each qubit ("loop").
        """
        qubits, gates, loops = search
        return {
            "fixed": 1.0,
            "qubit": float(qubits),
            "square": float(qubits**2),
            "gate": float(gates),
            "loop": loops * crossing / max(1, qubits),
            "narrower": float(narrower * qubits),
        }

    def predict(self, search: Search, crossing: float = 0.0, narrower: int = 0) -> Prediction:
        """Looking for cuts; without `crossing` the least that it may take."""
        return priced(self.units(search, crossing, narrower), self.rates)


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
