"""What the name of a gate says about it, whatever its angles: the letters that it commutes with, rank, Clifford or not.

Most gates are diagonal in a product basis, one letter a qubit: a `cx` in (Z, X), an `rx` in (X). Such a gate commutes
with every Pauli string that has, on the gate's qubits, these letters or the identity alone.
"""

from __future__ import annotations

from dataclasses import dataclass

CLIFFORD = frozenset(
    ["id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "iswap", "dcx", "ecr"]
)
"""Standard gates that are Clifford whatever the circuit; a rotation by π/2 is not counted, for angles may change."""

_LETTERS = (
    dict.fromkeys(("x", "sx", "sxdg", "rx"), "X")
    | dict.fromkeys(("y", "ry"), "Y")
    | dict.fromkeys(("z", "s", "sdg", "t", "tdg", "rz", "p", "u1"), "Z")
    | dict.fromkeys(("cx", "crx", "csx", "rzx"), "ZX")
    | dict.fromkeys(("cy", "cry"), "ZY")
    | dict.fromkeys(("cz", "cp", "cu1", "crz", "rzz", "cs", "csdg"), "ZZ")
    | {"rxx": "XX", "ryy": "YY", "ccx": "ZZX", "ccz": "ZZZ", "mcx": "ZZZX"}
)
_RANK_TWO = frozenset(
    [name for name, letters in _LETTERS.items() if len(letters) > 1] + ["ch", "cu", "cu3", "csx", "ecr"],
)


@dataclass(frozen=True, slots=True)
class GateKind:
    """A kind of gate.

    letters: of the product basis in which it is diagonal, one a qubit in the gate's own order; "" where there is none
    or nobody knows. rank_bits: log2 of its operator-Schmidt rank over any division of its qubits is at most this many
    bits a division (1 for a controlled gate); 0 stands for not known, which is 2 for each qubit on the smaller side.
    """

    letters: str = ""
    rank_bits: int = 0
    clifford: bool = False

    @property
    def diagonal(self) -> bool:
        """Whether it is diagonal in the computational basis."""
        return bool(self.letters) and set(self.letters) == {"Z"}


OPAQUE = GateKind()
"""Any gate of which only its qubits are known."""

_ALL = _LETTERS.keys() | _RANK_TWO | CLIFFORD
KINDS = {name: GateKind(_LETTERS.get(name, ""), int(name in _RANK_TWO), name in CLIFFORD) for name in sorted(_ALL)}
"""Qiskit's standard gates by name; one that is not here is opaque."""
