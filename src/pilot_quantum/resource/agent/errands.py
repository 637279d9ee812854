"""Programs that tasks have run on other nodes than their own, as the head agent carries it out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from pilot_quantum.resource.agent.hosts import Host

Key = tuple[int, int]
"""The node that asks, and its number for the program."""


class Errands:
    """`find`: the host of this name or address, or None; `known`: the names of all."""

    def __init__(self, find: Callable[[str], Host | None], known: Callable[[], Sequence[str]]) -> None:
        self._find = find
        self._known = known
        self._names = itertools.count(1)
        self._live: dict[Key, tuple[Host, str]] = {}

    def start(
        self, key: Key, host: str, argv: Sequence[str], environ: Mapping[str, str], ended: Callable[[str], None]
    ) -> None:
        """Start a program on a host; `ended(how)` when it has ended."""
        place = self._find(host)
        if place is None:
            ended(f"there is no host {host!r} in this allocation, which has {', '.join(self._known())}")
            return

        def over(how: str) -> None:
            self._live.pop(key, None)
            ended(how)

        process = f"errand-{next(self._names)}"
        self._live[key] = place, process
        place.start(process, argv, environ, over)

    def end(self, key: Key) -> None:
        """End it with all that it started."""
        if key in self._live:
            place, process = self._live[key]
            place.kill(process)

    def orphan(self, node: int) -> None:
        """This node is lost: end what it has asked for."""
        for key in [key for key in self._live if key[0] == node]:
            self.end(key)


class OwnErrands:
    """Those of the tasks of one node, the head agent's own. Implements `Carrier`."""

    def __init__(self, errands: Errands, node: int) -> None:
        self._errands = errands
        self._node = node

    def start(
        self, number: int, host: str, argv: Sequence[str], environ: Mapping[str, str], ended: Callable[[str], None]
    ) -> None:
        """Start a program there."""
        self._errands.start((self._node, number), host, argv, environ, ended)

    def end(self, number: int) -> None:
        """End it."""
        self._errands.end((self._node, number))
