"""Random regular graphs, for QAOA."""

from __future__ import annotations

from random import Random
from typing import TypeAlias

Edge: TypeAlias = tuple[int, int]


def regular_graph(nodes: int, degree: int, seed: int) -> tuple[Edge, ...]:
    """The sorted edges of a random simple graph in which each node has `degree` neighbours.

    The pairing model, tried again until no loop and no double edge is left (Bollobás 1980).
    Raises ValueError when no such graph exists.
    """
    if nodes * degree % 2 or not 0 <= degree < nodes:
        raise ValueError(f"no graph of {nodes} nodes has {degree} neighbours at each node")
    draw = Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        stubs = [node for node in range(nodes) for _ in range(degree)]
        _shuffle(stubs, draw)
        edges = {(min(pair), max(pair)) for pair in zip(stubs[::2], stubs[1::2], strict=True)}
        if len(edges) == nodes * degree // 2 and all(a != b for a, b in edges):
            return tuple(sorted(edges))


def _shuffle(items: list[int], draw: Random) -> None:
    """Fisher-Yates with `Random.random` alone, the one stream that Python promises never to change."""
    for last in range(len(items) - 1, 0, -1):
        other = int(draw.random() * (last + 1))
        items[last], items[other] = items[other], items[last]
