"""The search for cuts: from a circuit and the widths of workers to candidates that no other beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from random import Random
from typing import TYPE_CHECKING

from pilot_quantum.circuit.finding.candidate import Candidate, pieces
from pilot_quantum.circuit.finding.division import Division, divisions
from pilot_quantum.circuit.finding.exact import MOST_QUBITS, prove
from pilot_quantum.circuit.finding.groups import Group, groups
from pilot_quantum.circuit.finding.limits import Limits, Widths
from pilot_quantum.circuit.finding.pareto import front
from pilot_quantum.circuit.given import check_circuit
from pilot_quantum.circuit.interactions import Interactions, read_interactions
from pilot_quantum.errors import CutError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_COMBINED = 64
"""Combinations of the divisions of several groups of qubits that are looked at."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found: candidates of which none beats another, by rising overhead.

    gate_cut: the best that cuts no wire, whether or not it is among the candidates.
    """

    candidates: tuple[Candidate, ...]
    gate_cut: Candidate

    @property
    def best(self) -> Candidate:
        """The candidate with the least sampling overhead."""
        return self.candidates[0]


def find_cuts(
    circuit: QuantumCircuit | Interactions,
    widths: Widths,
    *,
    wires: bool = True,
    most_overhead: float = math.inf,
    more_parts: int = 2,
    effort: int = 1,
    prove_seconds: float = 0.0,
    seed: int = 0,
) -> Findings:
    """Where to cut a circuit so that its fragments fit workers of these widths, at the least sampling overhead.

    A circuit that fits is a candidate without cuts; gates on more than two qubits have to be decomposed first, there
    too, since narrower fragments are looked for as well. Minimises the product of κ² over the cuts as `find_cuts` of
    qiskit-addon-cutting does: of each gate its own, 16 for a wire; and offers what trades overhead for smaller or fewer
    fragments. A qubit without two-qubit gates is a fragment by itself, and takes no other's place.

    widths: a width in qubits; a sequence, the widths of worker types, each for any number of fragments in turn; or a
    mapping from widths to the number of workers, on which all fragments run at the same time, side by side where they
    fit (None: any number). wires: whether wires may be cut. most_overhead: candidates beyond it are dropped.
    more_parts: for so many numbers of parts beyond the least, narrower fragments are looked for too. effort: time
    grows with it; 0, for who is in a hurry, leaves the random walk out, which hardly ever finds anything.
    prove_seconds: how long to try to prove that no gate cuts are better, for each group of up to 22 qubits that hang
    together; not with limited numbers of workers. Deterministic for a `seed`, unless the time for a proof runs out.

    Raises CutError when nothing fits, CircuitError for circuits that cannot be cut (see `read_interactions`), and
    InvalidDescriptionError for widths that cannot be meant.
    """
    limits = Limits.of(widths)
    if isinstance(circuit, Interactions):
        interactions = circuit
    else:
        check_circuit(circuit)
        interactions = read_interactions(circuit)
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    tied = groups(interactions, together=bool(limits.wider))
    largest = max((group.graph.qubits for group in tied), default=0)
    found = []
    for group in tied:
        targets = _targets(limits, group.graph.qubits, more_parts)
        if group.graph.qubits > limits.widest:
            ways = divisions(group.graph, targets, effort, wires, draw)
            if not ways:
                raise _no_room(widths, limits, group)
        else:
            ways = [Division(0.0, [0] * 2 * len(group.places), (limits.place(group.graph.qubits),))]
            if targets[1:] and group.graph.qubits == largest:
                ways += divisions(group.graph, targets[1:], effort, wires, draw)
        found.append(ways)
    assembly = _Assembly(interactions, limits, tied)
    by_gates = [
        min(way for way in ways if group.graph.parts(way.labels)) for group, ways in zip(tied, found, strict=True)
    ]
    sure = [_proven(group, way, limits, prove_seconds) for group, way in zip(tied, by_gates, strict=True)]
    gate_cut = assembly.candidate([way for way, _ in sure], proved=all(proved for _, proved in sure))
    choices = islice(product(*map(_distinct, found)), _COMBINED)
    candidates = [gate_cut, *map(assembly.candidate, choices)]
    if min(each.overhead for each in candidates) > most_overhead:
        raise _too_dear(interactions, widths, limits, wires, most_overhead, candidates)
    return Findings(front(each for each in candidates if each.overhead <= most_overhead), gate_cut)


def _targets(limits: Limits, qubits: int, more_parts: int) -> list[Limits]:
    """The limits, and narrower ones: those of even division into more parts, or without the widest workers."""
    targets = [limits]
    if limits.wider:
        for dropped in range(1, min(more_parts, len(limits.wider) - (not limits.base)) + 1):
            targets.append(replace(limits, wider=limits.wider[dropped:]))
        return targets
    least = -(-qubits // limits.base)
    for parts in range(least + 1, least + 1 + more_parts):
        width = -(-qubits // parts)
        if 1 < width < targets[-1].base:
            targets.append(replace(limits, base=width))
    return targets


def _proven(group: Group, division: Division, limits: Limits, seconds: float) -> tuple[Division, bool]:
    """The division of least overhead by gate cuts, and whether that is proved."""
    parts = group.graph.parts(division.labels)
    if division.cost <= 0:
        return division, True
    if seconds <= 0 or limits.wider or parts is None or group.graph.qubits > MOST_QUBITS:
        return division, False
    proof = prove(group.graph.bonds(), parts, limits.base, seconds)
    if proof.parts != parts:
        labels = group.graph.spread(proof.parts)
        division = Division(proof.cost, labels, (limits.base,) * (max(proof.parts) + 1))
    return division, proof.proved


def _distinct(ways: Sequence[Division]) -> list[Division]:
    """The divisions that differ by more than the names of their parts, least overhead first."""
    kept: dict[tuple[int, ...], Division] = {}
    for way in sorted(ways):
        names: dict[int, int] = {}
        kept.setdefault(tuple([names.setdefault(label, len(names)) for label in way.labels]), way)
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class _Assembly:
    """Makes candidates of one division for each group."""

    interactions: Interactions
    limits: Limits
    tied: Sequence[Group]

    def candidate(self, choice: Sequence[Division], proved: bool = False) -> Candidate:
        labels = [0] * 2 * len(self.interactions.gates)
        meant: list[int] = []
        for group, division in zip(self.tied, choice, strict=True):
            group.spread(division.labels, len(meant), labels)
            meant.extend(division.widths)
        found = pieces(self.interactions, labels)
        if self.limits.wider:
            places = tuple(meant[part] if part >= 0 else self.limits.types[0] for part in found.parts)
        else:
            places = tuple(map(self.limits.place, found.widths))
        return Candidate(found.cuts, found.overhead, found.widths, places, found.amplitudes, proved)


def _no_room(widths: Widths, limits: Limits, group: Group) -> CutError:
    room, needed = sum(limits.wider), group.graph.qubits
    return CutError(
        f"workers of widths {widths!r} hold {room} qubits at a time; the circuit has gates on {needed}. Add "
        f"workers for {needed - room} more, or let fragments run one after another: widths={list(limits.types)}."
    )


def _too_dear(
    interactions: Interactions,
    widths: Widths,
    limits: Limits,
    wires: bool,
    most: float,
    candidates: Sequence[Candidate],
) -> CutError:
    """The error that names the least overhead found, and the least width that would do."""
    least = min(each.overhead for each in candidates)
    low, high = limits.widest, max(len(interactions.used), limits.widest)
    while high - low > 1:
        middle = (low + high) // 2
        if find_cuts(interactions, middle, wires=wires, more_parts=0).best.overhead <= most:
            high = middle
        else:
            low = middle
    return CutError(
        f"no cuts for widths {widths!r} have a sampling overhead (κ²) of at most {most:g}: the least found is "
        f"{least:g}. Workers of {high} qubits would do; else allow more: most_overhead={least:g}."
    )
