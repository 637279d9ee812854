"""Programs that engines start on this node: children of its guard, ended with all that they started."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.agent.hosts import Inventory
from pilot_quantum.resource.agent.messages import Exited


@dataclass
class Programs:
    """What runs on this node for the head agent. `tell` takes the news of their ends."""

    guard: GuardClient
    directory: Path
    tell: Callable[[Exited], None]

    def start(self, process: str, generation: int, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start a program."""
        self.guard.start_program(
            process,
            generation,
            argv,
            environ,
            log_of(self.directory, process),
            lambda how: self.tell(Exited(process, generation, how)),
        )

    def end(self, process: str, generation: int) -> None:
        """End it with all that it started."""
        self.guard.kill(process, generation)


@dataclass
class OwnHost:
    """The agent's own node. Implements `Host`."""

    node: int
    name: str
    address: str
    inventory: Inventory
    directory: Path
    guard: GuardClient
    clock_offset: float = 0.0
    lost: bool = False
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _live: dict[str, int] = field(default_factory=dict)

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        """Start a program here; the mark that its processes bear."""
        generation = self._live[process] = next(self._numbers)

        def ended(how: str) -> None:
            if self._live.get(process) == generation:
                del self._live[process]
            on_exit(how)

        return self.guard.start_program(process, generation, argv, environ, log_of(self.directory, process), ended)

    def kill(self, process: str) -> None:
        """End it with everything that it has started."""
        generation = self._live.get(process)
        if generation is not None:
            self.guard.kill(process, generation)

    def sweep(self, mark: str) -> None:
        """End every process of this node that bears exactly this mark."""
        self.guard.sweep(mark)


def log_of(directory: Path, process: str) -> Path:
    """Where a program's output goes."""
    return directory / f"{process.replace('/', '-')}.log"
