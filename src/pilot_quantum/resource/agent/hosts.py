"""Nodes as engines inside an agent see them: places where processes can be started and ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pilot_quantum.resource.site import Site


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a node really has, as its agent found it. `memory` in bytes; `gpus` as CUDA_VISIBLE_DEVICES names them.

    site: what its speed belongs to.
    """

    host: str
    cores: int
    gpus: tuple[str, ...]
    memory: int
    capabilities: frozenset[str]
    versions: Mapping[str, str]
    site: Site | None = None


class Host(Protocol):
    """One node of the allocation, the agent's own or another's. Called from the agent's loop; never blocks."""

    @property
    def node(self) -> int:
        """Its index, unique within the pilot."""

    @property
    def name(self) -> str:
        """How the batch system, or the user, calls it."""

    @property
    def address(self) -> str:
        """An IP address at which the allocation's other nodes reach it."""

    @property
    def inventory(self) -> Inventory:
        """What it has."""

    @property
    def directory(self) -> Path:
        """A private directory (0700) on its own disk, for logs and sockets."""

    @property
    def clock_offset(self) -> float:
        """Seconds to add to its monotonic clock to have this host's."""

    @property
    def lost(self) -> bool:
        """Whether it is gone: what is started there from now on only ends."""

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        """Start a program there, with these changes to the agent's environment; the mark that its processes bear.

        `process` names it; when it has ended the name is free again. `on_exit(how)` is called when it has ended: in
        words, with the last lines that it has printed.
        """

    def kill(self, process: str) -> None:
        """End it with everything that it has started."""

    def sweep(self, mark: str) -> None:
        """End every process there that bears exactly this mark, whoever has started it."""


def places(hosts: Sequence[Host], nodes: Sequence[int]) -> list[str]:
    """The nodes of a gang as its lead task is told: "name=address" each."""
    known = {host.node: f"{host.name}={host.address}" for host in hosts}
    return [known[node] for node in nodes]
