"""What tasks on other machines print: appended to files of the session's directory, one pair for each worker."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from pilot_quantum.resource.agent.messages import SentRow
from pilot_quantum.resource.engines.events import Leftover, Loop


class OutputFiles:
    """Hands on what attempts left as ranges of files in `directory`."""

    def __init__(self, loop: Loop, directory: Path) -> None:
        self._loop = loop
        self._directory = directory
        self._warned = False

    def deliver(self, worker: str, rows: Sequence[SentRow]) -> None:
        """Write what was printed, and hand over."""
        stem = (worker or "lost").replace("/", "-")
        stdout, stderr = self._directory / f"{stem}.out", self._directory / f"{stem}.err"
        leftovers: list[Leftover] = []
        for outcome, value, output in rows:
            ranges = None if output is None else (*self._append(stdout, output[0]), *self._append(stderr, output[1]))
            leftovers.append((outcome, value, ranges))
        self._loop.deliver(leftovers, stdout, stderr)

    def _append(self, path: Path, data: bytes) -> tuple[int, int]:
        """From where to where it lies; an empty range where the disk is full: the result counts for more."""
        try:
            with open(path, "ab", buffering=0, opener=_private) as file:
                begin = file.seek(0, os.SEEK_END)
                written = file.write(data) if data else 0
        except OSError as error:
            if not self._warned:
                self._warned = True
                warnings.warn(f"what tasks print cannot be kept in {path}: {error}", stacklevel=2)
            return 0, 0
        return begin, begin + (written or 0)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
