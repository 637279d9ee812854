"""Where a circuit is cut: gates give way to operations on either side, wires to a measurement and a preparation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class WireCut(NamedTuple):
    """The wire of `qubit` is cut just before instruction `index` of `circuit.data`, which acts on that qubit."""

    index: int  # type: ignore[assignment]  # it shadows a method of tuple that nobody calls on a cut
    qubit: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cuts of one flat circuit; empty: do not cut.

    gates: indices in `circuit.data` of the two-qubit gates that are cut, rising. wires: rising. A gate that is cut may
    have a cut wire before it. Raises ValueError where a cut is named twice.
    """

    gates: tuple[int, ...] = ()
    wires: tuple[WireCut, ...] = ()

    def __post_init__(self) -> None:
        for name, given in (("gates", self.gates), ("wires", self.wires)):
            if len(set(given)) < len(given):
                raise ValueError(f"{name} {given} name a cut twice")
        object.__setattr__(self, "gates", tuple(sorted(self.gates)))
        object.__setattr__(self, "wires", tuple(sorted(WireCut(*wire) for wire in self.wires)))

    def __len__(self) -> int:
        return len(self.gates) + len(self.wires)
