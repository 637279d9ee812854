"""What ranks say, told apart although they share one stream: `RS rank kind base64`, a line each.

Launchers of MPI programs merge the ranks' output, and may put something of their own between. A line that is no frame
is the launcher's.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field

MARK = "\x1e"
"""The character that begins a frame (record separator)."""
LONGEST = 720
"""Bytes in a frame, before encoding: launchers keep lines whole only up to some length (1024 bytes in Slurm)."""


def frame(rank: int, kind: str, data: bytes) -> bytes:
    """`data` of a rank as a line. kind: o(utput), e(rror output), x (exit code), v(alue)."""
    return f"{MARK}{rank} {kind} {base64.b64encode(data).decode()}\n".encode()


@dataclass(slots=True)
class Said:
    """All that one rank has said."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    exit_code: int | None = None


class Listener:
    """Sorts the lines of a launcher's output: by rank, and what is the launcher's own."""

    def __init__(self, ranks: int) -> None:
        self.ranks = [Said() for _ in range(ranks)]
        self.ends: list[int] = []
        """Ranks, as they have ended."""
        self.other: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether a rank has ended with an exit code that is not zero."""
        return any(self.ranks[rank].exit_code for rank in self.ends)

    def take(self, lines: Iterable[bytes]) -> None:
        """Sort these lines."""
        for line in lines:
            at = line.find(MARK.encode())
            parts = line[at + 1 :].split() if at >= 0 else []
            if len(parts) not in (2, 3) or not parts[0].isdigit() or int(parts[0]) >= len(self.ranks):
                self.other.append(line.decode(errors="replace").rstrip("\n"))
                continue
            self._add(int(parts[0]), parts[1], base64.b64decode(parts[2]) if len(parts) == 3 else b"")

    def _add(self, rank: int, kind: bytes, data: bytes) -> None:
        said = self.ranks[rank]
        match kind:
            case b"o":
                said.stdout += data
            case b"e":
                said.stderr += data
            case b"v":
                said.value += data
            case b"x":
                said.exit_code = int(data)
                self.ends.append(rank)
