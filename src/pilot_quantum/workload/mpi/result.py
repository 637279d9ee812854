"""What an MPI program left behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MPIResult:
    """A script's end, by rank: exit codes (all zero, else the future fails) and what each rank printed."""

    exit_codes: tuple[int, ...]
    stdout: tuple[str, ...]
    stderr: tuple[str, ...]

    @property
    def ranks(self) -> int:
        """How many there were."""
        return len(self.exit_codes)
