"""Where a circuit is cut: gates give way to operations on either side, wires to a measurement and a preparation."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import NamedTuple

from pilot_quantum.errors import CircuitError


class WireCut(NamedTuple):
    """The wire of `qubit` is cut just before instruction `index` of `circuit.data`, which acts on that qubit."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a cut
    qubit: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """Cuts of one flat circuit; empty: do not cut.

    gates: indices in `circuit.data` of the two-qubit gates that are cut, rising. wires: rising. A gate that is cut may
    have a cut wire before it. Lists are taken, too. Raises CircuitError where a cut is named twice or is none.
    """

    gates: tuple[int, ...] = ()
    wires: tuple[WireCut, ...] = ()

    def __post_init__(self) -> None:
        try:
            gates = sorted(map(index, self.gates))
            wires = sorted([WireCut(index(place), index(qubit)) for place, qubit in self.wires])
        except (TypeError, ValueError) as error:
            raise CircuitError(
                f"Cuts(gates={self.gates!r}, wires={self.wires!r}): gates are indices of instructions, such as (3, 8), "
                "and wires pairs of an instruction and a qubit, such as ((5, 1),)."
            ) from error
        for name, given in (("gates", gates), ("wires", wires)):
            if len(set(given)) < len(given):
                raise CircuitError(f"{name} {given} name a cut twice. Name each once.")
        object.__setattr__(self, "gates", tuple(gates))
        object.__setattr__(self, "wires", tuple(wires))

    def __len__(self) -> int:
        return len(self.gates) + len(self.wires)
