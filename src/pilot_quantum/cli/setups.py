"""The workers on which `dreamer validate` compares: sessions with pilots, made warm."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilot_quantum.session import Session

TWELVE_QUBITS = 134_400_000
"""Bytes that hold a state of 12 qubits beside the process, and none of 13 (`workload.memory`)."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Pilots to compare on. workers: of all of them together."""

    name: str
    pilots: tuple[str, ...]
    workers: int


SETUPS = (
    Setup("1 worker", ("local://?cores=1",), 1),
    Setup("2 workers", ("local://?cores=2",), 2),
    Setup("2 unlike workers", ("local://?cores=1", f"local://?cores=1&memory={TWELVE_QUBITS}"), 2),
)


class Stage:
    """A session with warm workers."""

    def __init__(self, session: Session, setup: Setup, directory: Path) -> None:
        self.session, self.setup = session, setup
        self._directory = directory
        self._meetings = 0
        self.warm()

    def warm(self) -> None:
        """Make all workers warm: at the beginning, and where one had to be ended."""
        from pilot_quantum.workload.warm import warm_all

        self._meetings += 1
        meeting = self._directory / f"meeting-{self._meetings}"
        warm_all(self.session.with_options(), self.setup.workers, meeting, self.session.cancel)


@contextmanager
def stage(setup: Setup) -> Iterator[Stage]:
    """The set-up, up and warm; everything ends with the block."""
    from pilot_quantum.session import Session

    with tempfile.TemporaryDirectory(prefix="pilot-quantum-") as directory, Session(directory) as session:
        for pilot in setup.pilots:
            session.add_pilot(pilot)
        yield Stage(session, setup, Path(directory))
