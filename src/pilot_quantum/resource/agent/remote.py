"""A further node, as the head agent has it: its agent's engine, and a place where programs can be started."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.hosts import Inventory
from pilot_quantum.resource.agent.loop import AgentLoop
from pilot_quantum.resource.agent.tap import Tap
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.events import EngineEnded, EngineEvent, NodeUp

_SILENCE = 5.0
"""Seconds, beyond its own grace time, after which a node's agent without a connection is taken to be gone."""
_CLOSED = 8.0
"""Seconds for an agent whose end of the connection was closed to dial again: it does so at once, if it lives."""
FAREWELL = 2.0
"""Seconds for a node's agent to end: less than the session gives to us."""


class RemoteNode:
    """Implements `Host`; `engine` is what runs tasks there, where the node's agent has one.

    up: called when the node's agent has described it. hello: called when there is a fresh one, to begin. other: takes
    messages that are not about programs. ended: called once, when its agent is gone, with the cause.
    grace: seconds for which its agent redials; dead: without a byte, after which its connection is taken for cut.
    places: node -> "name=address", for gangs that a worker there leads.
    """

    def __init__(
        self,
        node: int,
        name: str,
        pilot: str,
        allocation: str,
        token: bytes,
        loop: AgentLoop,
        up: Callable[[m.Node], None],
        hello: Callable[[RemoteNode], None],
        other: Callable[[RemoteNode, m.Up], None],
        ended: Callable[[RemoteNode, str], None],
        places: dict[int, str],
        grace: float,
        dead: float,
    ) -> None:
        self.node = node
        self.name = name
        self.cause = ""
        """Why it is lost."""
        self._loop = loop
        self._up = up
        self._other = other
        self._ended = ended
        self._facts: m.Node | None = None
        self._numbers = itertools.count(1)
        self._live: dict[str, tuple[int, Callable[[str], None]]] = {}
        self.engine = AgentEngine(
            pilot,
            allocation,
            token,
            Tap(loop, self._emit),
            lambda _, rows: loop.deliver_rows(rows),
            lambda _: hello(self),
            self._take,
            silence=grace + _SILENCE,
            closed=min(grace + 1, _CLOSED),
            farewell=FAREWELL,
            dead=dead,
        )
        self.engine.places = places

    @property
    def ready(self) -> bool:
        """Whether its agent has described it."""
        return self._facts is not None

    @property
    def lost(self) -> bool:
        """Whether it is gone."""
        return self.engine.ended

    @property
    def address(self) -> str:
        """An IP address of it."""
        return self._described().address

    @property
    def directory(self) -> Path:
        """A private directory on its disk."""
        return Path(self._described().directory)

    @property
    def inventory(self) -> Inventory:
        """What it has."""
        facts = self._described()
        return Inventory(
            facts.host,
            facts.cores,
            facts.gpus,
            facts.memory,
            frozenset(facts.capabilities),
            facts.versions,
            facts.site,
        )

    @property
    def clock_offset(self) -> float:
        """Seconds to add to its monotonic clock to have ours."""
        return self.engine.clock_offset

    def start(
        self, process: str, argv: Sequence[str], environ: Mapping[str, str], on_exit: Callable[[str], None]
    ) -> str:
        """Start a program there; the mark that its processes bear."""
        generation = next(self._numbers)
        if self.lost:
            self._loop.call_soon(lambda: on_exit(f"its node is lost: {self.cause}"))
        else:
            self._live[process] = generation, on_exit
            self.engine.tell(m.Start(process, generation, list(argv), dict(environ)))
        return f"{self._described().mark}/{process}/{generation}"

    def kill(self, process: str) -> None:
        """End it with everything that it has started."""
        if process in self._live:
            self.engine.tell(m.End(process, self._live[process][0]))

    def sweep(self, mark: str) -> None:
        """End every process there that bears exactly this mark."""
        self.engine.tell(m.Sweep(mark))

    def _described(self) -> m.Node:
        if self._facts is None:
            raise AssertionError(f"node {self.name} was used before its agent was there")
        return self._facts

    def _emit(self, event: EngineEvent) -> None:
        if isinstance(event, EngineEnded):
            self.cause = event.cause
            self._ended(self, event.cause)
            live, self._live = self._live, {}
            for _, on_exit in live.values():
                on_exit(f"its node is lost: {event.cause}")
        elif not isinstance(event, NodeUp):
            self._loop.emit(event)

    def _take(self, message: m.Up) -> None:
        match message:
            case m.Node():
                self._facts = message
                self._up(message)
            case m.Exited():
                generation, on_exit = self._live.get(message.process, (0, None))
                if on_exit is not None and generation == message.generation:
                    del self._live[message.process]
                    on_exit(message.how)
            case _:
                self._other(self, message)
