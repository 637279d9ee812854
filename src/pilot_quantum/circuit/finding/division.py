"""Divisions of one group of qubits: orders, blocks, refinement, wires, each going on from what the one before found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from math import inf, isinf
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.finding.blocks import Blocks, best_blocks, block_weights, distinct, even_blocks, joined
from pilot_quantum.circuit.finding.limits import Limits
from pilot_quantum.circuit.finding.orderings import orderings
from pilot_quantum.circuit.finding.refinement import cut_weights, refined
from pilot_quantum.circuit.finding.slices import sliced
from pilot_quantum.circuit.finding.slots import Labels, SlotGraph
from pilot_quantum.circuit.finding.wires import WireSearch

ORDERS = 32
"""Orders grown from random qubits; as many again from where they ended."""

MOST_PAIRS = 1_000_000
"""Orders are fewer where the tables of all pairs of qubits for each would have more entries; never below 4."""

REFINED = 12
"""Divisions of each kind, best blocks and even ones, that are refined."""

WANDERINGS = 20
"""Random double kicks of the best division, for each step of effort."""

MOST_SWAPPED = 64
"""Beyond so many qubits the tables of all swaps cost more than they give, and the search over slots does it alone."""


class Division(NamedTuple):
    """Labels of slots, what they cost (ln κ²), and the width of the worker that each part is meant for."""

    cost: float
    labels: Labels
    widths: tuple[int, ...]

    @classmethod
    def of(cls, search: WireSearch) -> Division:
        """What a search has arrived at."""
        return cls(search.cost, search.labels.copy(), search.widths)


def divisions(graph: SlotGraph, targets: Sequence[Limits], effort: int, wires: bool, draw: Random) -> list[Division]:
    """Divisions within the first of `targets`, then one within each other; none if not all qubits have a place.

    The first cuts no wire. wires: whether others may. effort: from how many gate cuts beside the best the search goes
    on; 0 is as 1, without the random walk.
    """
    bonds = graph.bonds()
    breadth = max(1, effort)
    count = min(graph.qubits, ORDERS * breadth, max(4, MOST_PAIRS // graph.qubits**2))
    orders = orderings(bonds, np.array(draw.sample(range(graph.qubits), count)))
    within = block_weights(bonds, orders)
    searched = graph if wires else replace(graph, wire_weight=inf)
    found: list[Division] = []
    for target in targets:
        blocks = best_blocks(within, orders, target)
        if blocks is None:
            continue
        main = target is targets[0]
        tables = [_least(bonds, blocks, REFINED * breadth if main else 1)]
        if main and not target.wider:
            tables.append(_least(bonds, even_blocks(orders, target.base), REFINED * breadth))
        for labels, widths in islice(_ranked(bonds, joined(tables)), 1 + breadth if main else 1):
            search = WireSearch(searched, graph.spread(labels), _with_spare(widths, target))
            if not found:
                found.append(Division.of(search))
            search.descend()
            if main:
                search.shake()
            found.append(Division.of(search))
        if main and found:
            found += _further(searched, target, min(found), effort, draw)
    return found


def _least(bonds: NDArray[np.float64], blocks: Blocks, count: int) -> Blocks:
    """The distinct rows that cut least, `count` at most."""
    first = distinct(blocks.labels)
    weights = cut_weights(bonds, blocks.labels[first])
    return blocks.rows(first[np.argsort(np.round(weights, 9), kind="stable")[:count]])


def _ranked(bonds: NDArray[np.float64], blocks: Blocks) -> Iterator[tuple[list[int], list[int]]]:
    """The distinct rows after refinement, least weight cut first: the part of each qubit, and the parts' widths."""
    labels = refined(bonds, blocks) if len(bonds) <= MOST_SWAPPED else blocks.labels
    seen = set()
    for row in np.argsort(np.round(cut_weights(bonds, labels), 9), kind="stable"):
        parts = labels[row].tolist()
        names: dict[int, int] = {}
        key = tuple([names.setdefault(part, len(names)) for part in parts])
        if key not in seen:
            seen.add(key)
            yield parts, blocks.widths[row].tolist()


def _with_spare(widths: Sequence[int], limits: Limits) -> list[int]:
    """The parts in use, and empty ones: workers that are left over, and one of those of which there is any number.

    A part that is not in use has width 0, so that the numbers of the others stay.
    """
    left = list(limits.wider)
    for width in widths:
        if width in left:
            left.remove(width)
    return [*widths, *left, *([limits.base] if limits.base else [])]


def _further(graph: SlotGraph, limits: Limits, best: Division, effort: int, draw: Random) -> list[Division]:
    """Where there is something to choose, a random walk from the best; and what stretches of time lead to.

    Stretches are followed where they are not hopeless, at most twice the cost of the best.
    """
    found = []
    if effort and _is_branched(graph, best.labels):
        search = WireSearch(graph, best.labels, best.widths)
        search.wander(WANDERINGS * effort, draw)
        found.append(Division.of(search))
    labels = None if limits.wider or isinf(graph.wire_weight) else sliced(graph, limits.base)
    if labels is not None and graph.cost(labels) <= 2 * best.cost:
        search = WireSearch(graph, labels, [limits.base] * (max(labels) + 2))
        search.descend()
        found.append(Division.of(search))
    return found


def _is_branched(graph: SlotGraph, labels: Labels) -> bool:
    """Whether the parts hang together by more pairs of qubits than they must, as those of a chain do not."""
    pairs = {tuple(sorted(pair)) for gate, pair in enumerate(graph.ends) if labels[2 * gate] != labels[2 * gate + 1]}
    return len(pairs) >= len(set(labels))
