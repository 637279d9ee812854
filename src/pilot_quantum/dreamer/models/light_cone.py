"""Pruning to the light cone first: what it costs, and the cost of what is left with any other model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.light_cone import Cone, Cones, Letters
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced, together
from pilot_quantum.resource.profile import Rates

PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Part:
    """Terms that are evaluated in one run. cone: what they depend on; skeleton: that alone, qubits counted anew."""

    terms: tuple[int, ...]
    cone: Cone
    skeleton: Skeleton
    letters: tuple[Letters, ...]


@dataclass(frozen=True, slots=True)
class LightCone:
    """Predicts pruning and then running; combines with every other model. rates: of the model "prune"."""

    rates: Rates

    def units(self, gates: int, parts: Sequence[Part]) -> Units:
        """Reading the circuit ("read", a gate) and writing the pruned ones ("keep", a gate, and "part")."""
        return {
            "read": float(gates),
            "keep": float(sum(len(part.cone.gates) for part in parts)),
            "part": float(len(parts)),
        }

    def predict(
        self, gates: int, parts: Sequence[Part], run: Callable[[Skeleton, Sequence[Letters]], Prediction]
    ) -> Prediction:
        """Pruning a circuit of so many gates to `parts`, then each of them one after another as `run` predicts it."""
        pruning = priced(self.units(gates, parts), self.rates).named("prune.")
        return together([pruning, *(run(part.skeleton, part.letters) for part in parts)])


def whole(skeleton: Skeleton, cones: Cones, terms: Sequence[Letters]) -> list[Part]:
    """All terms in one run, on what any of them depends on."""
    return [_part(skeleton, cones, terms, tuple(range(len(terms))))]


def apart(skeleton: Skeleton, cones: Cones, terms: Sequence[Letters]) -> list[Part]:
    """Terms in runs of their own, those whose cone lies inside another's with that one: narrow runs instead of a wide.

    Each term goes to the narrowest run that has all that it depends on; widest cones are placed first.
    """
    found = [cones.of(term) for term in range(len(terms))]
    order = sorted(range(len(terms)), key=lambda term: (-len(found[term].qubits), -len(found[term].gates), term))
    groups: list[tuple[frozenset[int], frozenset[int], list[int]]] = []  # gates and qubits of the first, all members
    for term in order:
        gates, qubits = frozenset(found[term].gates), frozenset(found[term].qubits)
        homes = [group for group in groups if gates <= group[0] and qubits <= group[1]]
        if homes:
            min(homes, key=lambda group: len(group[1]))[2].append(term)
        else:
            groups.append((gates, qubits, [term]))
    return [_part(skeleton, cones, terms, tuple(sorted(members))) for _, _, members in groups]


def _part(skeleton: Skeleton, cones: Cones, terms: Sequence[Letters], members: tuple[int, ...]) -> Part:
    cone = cones.union(members)
    narrow = {qubit: i for i, qubit in enumerate(cone.qubits)}
    letters = tuple({narrow[q]: letter for q, letter in terms[term].items()} for term in members)
    return Part(members, cone, skeleton.only(cone.gates, cone.qubits), letters)
