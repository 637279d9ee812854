"""Which part of a cut circuit's work a task is."""

from __future__ import annotations

from typing import NamedTuple


class PartKey(NamedTuple):
    """Outcomes are kept by it, never by the order in which they come.

    fragment: index. block: of its strings, or of its subexperiments. draw: of shots, 0 where nothing is sampled.
    """

    fragment: int
    block: int
    draw: int = 0

    def __str__(self) -> str:
        return f"fragment {self.fragment} (block {self.block}, draw {self.draw})"
