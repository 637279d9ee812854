"""One way to cut a circuit: where, into what, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.circuit.interactions import WIRE_OVERHEAD, Interactions

_WIRE_INPUTS = 1.0  # log2 of the two basis states that a fragment is run with for a wire that enters it
_LARGEST = 1023.0  # log2 of what a float can hold


@dataclass(frozen=True, slots=True)
class Candidate:
    """Cuts with their price.

    overhead: κ², the factor in shots for the same standard error: the product over all cuts.
    widths: qubits of each fragment (what hangs together after the cuts), falling. places: for each fragment the width
    of the worker meant for it. amplitudes: that all variants of all fragments have together on a simulator: for each
    fragment 2^width, times the Schmidt terms of each gate cut at it, times 2 for each cut wire that enters it.
    proved: no set of gate cuts that fits has less overhead. It says nothing about wire cuts.
    """

    cuts: Cuts
    overhead: float
    widths: tuple[int, ...]
    places: tuple[int, ...]
    amplitudes: float
    proved: bool = False

    @property
    def fragments(self) -> int:
        """How many fragments the cuts leave; 1 for a circuit in one piece that is not cut."""
        return len(self.widths)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What hangs together after cutting: for each fragment its qubits, its part, and log2 of its variants."""

    cuts: Cuts
    overhead: float
    widths: tuple[int, ...]
    parts: tuple[int, ...]
    variants: tuple[float, ...]

    @property
    def amplitudes(self) -> float:
        """See `Candidate`; infinite where it is beyond a float."""
        sizes = [width + variants for width, variants in zip(self.widths, self.variants, strict=True)]
        return sum(2.0**size if size < _LARGEST else math.inf for size in sizes)


def pieces(interactions: Interactions, labels: Sequence[int]) -> Pieces:
    """The fragments of a circuit whose slot 2g + e, end e of gate g, is in part `labels[2g + e]`."""
    run_of: dict[int, int] = {}  # the run that each qubit is in at this point
    part_of: list[int] = []
    roots: list[int] = []
    variants: list[float] = []
    gates: list[int] = []
    wires: list[WireCut] = []
    overhead = 1.0

    def root(run: int) -> int:
        while roots[run] != run:
            roots[run] = run = roots[roots[run]]
        return run

    def run_at(gate: int, qubit: int, part: int) -> int:
        nonlocal overhead
        run = run_of.get(qubit)
        if run is not None and part_of[run] == part:
            return run
        variants.append(0.0 if run is None else _WIRE_INPUTS)
        if run is not None:
            wires.append(WireCut(gate, qubit))
            overhead *= WIRE_OVERHEAD
        run_of[qubit] = run = len(roots)
        roots.append(run)
        part_of.append(part)
        return run

    for place, gate in enumerate(interactions.gates):
        one, other = labels[2 * place], labels[2 * place + 1]
        first, second = run_at(gate.index, gate.first, one), run_at(gate.index, gate.second, other)
        if one == other:
            roots[root(first)] = root(second)
        else:
            gates.append(gate.index)
            overhead *= gate.overhead
            variants[first] += math.log2(gate.terms)
            variants[second] += math.log2(gate.terms)
    # Qubits without two-qubit gates are fragments of their own, in no part.
    alone = len(interactions.used) - len(run_of)
    members: dict[int, list[int]] = {}
    for run in range(len(roots)):
        members.setdefault(root(run), []).append(run)
    found = sorted(
        [(len(runs), part_of[key], sum(variants[run] for run in runs)) for key, runs in members.items()]
        + [(1, -1, 0.0)] * alone,
        reverse=True,
    )
    widths, parts, each = zip(*found, strict=True) if found else ((), (), ())
    return Pieces(Cuts(tuple(gates), tuple(wires)), overhead, widths, parts, each)
