"""Which part of a plan's work a task is."""

from __future__ import annotations

from typing import NamedTuple


class PieceKey(NamedTuple):
    """A circuit of a plan, and a block of its bindings."""

    piece: int
    block: int

    def __str__(self) -> str:
        return f"circuit {self.piece} of the plan (block of bindings {self.block})"


class CutKey(NamedTuple):
    """A part of a circuit that is cut anew for each binding. part: a `cutting.keys.PartKey`."""

    binding: int
    part: NamedTuple

    def __str__(self) -> str:
        return f"{self.part} of binding {self.binding}"
