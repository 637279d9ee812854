"""All pilots of a session: made from descriptions, followed, resized, ended."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Protocol

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource import elastic
from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.elastic import Work
from pilot_quantum.resource.engines.events import Engine, EngineEnded, EngineEvent, Loop
from pilot_quantum.resource.holding import Holding
from pilot_quantum.resource.launchers.table import Launchers
from pilot_quantum.resource.pilot import Controls, Pilot
from pilot_quantum.resource.state import PilotState
from pilot_quantum.resource.units import format_bytes

LOOK = 0.5
"""Seconds between two looks at whether a pilot should grow, shrink or be replaced."""


class Scheduler(Protocol):
    """What pilots ask of L2, through the session; all but `call_soon` on the reactor's thread."""

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Run `fn` on the reactor's thread."""

    def announce(self, pilot: str, capacity: Capacity, ends_at: float | None) -> None:
        """A pilot has been asked for."""

    def drain(self, pilot: str) -> None:
        """The pilot shall take no new task."""

    def tell(self, events: Sequence[EngineEvent]) -> None:
        """What has changed about nodes and capacity, where no engine reports it."""

    def backlog(self) -> Sequence[Work]:
        """What waits for a place."""

    def idle_nodes(self) -> Mapping[tuple[str, int], float]:
        """(pilot, node) -> monotonic seconds since when nothing has run there."""


class Pilots:
    """Makes pilots from descriptions, keeps their states, hands their engines to the reactor."""

    def __init__(self, loop: Loop, scheduler: Scheduler, journal: JournalWriter, directory: Path) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._journal = journal
        self._launchers = Launchers(loop, directory)
        self._holdings: dict[str, Holding] = {}
        self._pilots: dict[str, Pilot] = {}
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._looking = False
        self._closing = False

    def all(self) -> tuple[Pilot, ...]:
        """Every pilot of the session, in the order of their making."""
        return tuple(self._pilots.values())

    def engine(self, pilot: str, worker: str) -> Engine:
        """The engine of a worker."""
        return self._holdings[pilot].engine(worker)

    def add(self, description: PilotDescription) -> Pilot:
        """Check and announce a pilot at once; it comes up in the background. Raises InvalidDescriptionError."""
        with self._lock:
            launcher = self._launchers.get(description.scheme)
        capacity = launcher.resolve(description)
        if description.max_nodes is not None:  # what there may be counts for what can ever run
            capacity = replace(capacity, nodes=description.most_nodes)
        with self._lock:
            name = description.name or self._free_name(description.scheme)
            if name in self._pilots:
                raise InvalidDescriptionError(f"name={name!r} is taken by another pilot of this session.")
            pilot = Pilot(name, description, capacity, self._controls(name), self._changed)
            self._pilots[name] = pilot
            holding = self._holdings[name] = Holding(pilot, launcher, self._loop, self._journal)
        self._changed(pilot, "")
        self._scheduler.call_soon(lambda: self._open(holding))
        return pilot

    def observe(self, event: EngineEvent) -> Sequence[EngineEvent]:
        """Follow what engines report; what the scheduler has to know of it (on the reactor's thread)."""
        return self._holdings[event.pilot].observe(event)

    def stories(self) -> Mapping[str, str]:
        """pilot -> what it waits for, and what was decided about it last (on the reactor's thread)."""
        now = monotonic()
        return {name: holding.story(now) for name, holding in self._holdings.items() if not holding.over}

    def stop(self, pilot: str) -> None:
        """End a pilot whose tasks have ended (on the reactor's thread)."""
        self._holdings[pilot].end("drained")

    def give_back(self, pilot: str, nodes: Sequence[int]) -> None:
        """These nodes have drained (on the reactor's thread)."""
        self._holdings[pilot].give_back(nodes)

    def end(self) -> None:
        """End all pilots (on the reactor's thread). Nothing in a child that the program has forked: see `close`."""
        if os.getpid() == self._owner:
            self._closing = True
            for holding in self._holdings.values():
                holding.end("session closed")

    def wait(self, timeout: float) -> None:
        """Wait until all pilots have ended, `timeout` seconds at most; from any thread but the reactor's."""
        deadline = monotonic() + timeout
        for pilot in self._pilots.values() if os.getpid() == self._owner else ():
            with contextlib.suppress(TimeoutError):
                pilot.wait(PilotState.DONE, max(0.0, deadline - monotonic()))

    def close(self) -> None:
        """End everything that was launched, and wait until it is gone (on the reactor's thread, which stands still).

        Does nothing in a child that the program has forked: what the child has copies of is its parent's.
        """
        if os.getpid() == self._owner:
            self._launchers.close()

    # A pilot's life.

    def _open(self, holding: Holding) -> None:
        pilot = holding.pilot
        description = pilot.description
        walltime = description.walltime if description.scheme in ("local", "ssh") else None  # else the system's clock
        self._scheduler.announce(pilot.id, pilot.capacity, None if walltime is None else monotonic() + walltime)
        if description.nodes:
            holding.launch(description.nodes, "a pilot was added")
        if walltime is not None:
            cause = f"its walltime of {walltime:g} s is over"
            self._loop.call_later(walltime, lambda: holding.end(cause))
        if holding.grows and not self._looking:
            self._looking = True
            self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        """Let pilots grow and shrink by themselves."""
        held = [one for one in self._holdings.values() if not one.over]
        held = [one for one in held if one.grows]
        self._looking = bool(held) and not self._closing
        if not self._looking:
            return
        now, work, idle = monotonic(), self._scheduler.backlog(), self._scheduler.idle_nodes()
        for holding in held:
            for step in elastic.decide(holding.standing(idle), work, now):
                self._scheduler.tell(holding.take(step))
        self._loop.call_later(LOOK, self._look)

    def _controls(self, name: str) -> Controls:
        def later(act: Callable[[Holding], None]) -> None:
            self._scheduler.call_soon(lambda: act(self._holdings[name]))

        return Controls(
            drain=lambda: later(self._drain),
            cancel=lambda: later(lambda holding: holding.end("cancelled", PilotState.CANCELLED)),
            resize=lambda nodes: later(lambda holding: self._resize(holding, nodes)),
        )

    def _drain(self, holding: Holding) -> None:
        if holding.drain():
            self._scheduler.drain(holding.pilot.id)

    def _resize(self, holding: Holding, nodes: int) -> None:
        if not holding.over and not self._closing:
            self._scheduler.tell(holding.resize(nodes, f"resize to {nodes} node{'s' * (nodes != 1)} was asked for"))

    def _changed(self, pilot: Pilot, cause: str) -> None:
        text = f"{pilot.description.url} ({_words(pilot.capacity)})" if pilot.state is PilotState.NEW else ""
        self._journal.pilot_row(monotonic(), pilot.id, pilot.state.value, cause, text)

    def _free_name(self, scheme: str) -> str:
        index = 1
        while f"{scheme}-{index}" in self._pilots:
            index += 1
        return f"{scheme}-{index}"


def _words(capacity: Capacity) -> str:
    def count(amount: int, noun: str) -> str:
        return f"{noun} as found" if amount == LATER else f"{amount} {noun}"

    memory = "memory as found" if capacity.memory == LATER else format_bytes(capacity.memory)
    nodes = [f"{capacity.nodes} nodes of"] if capacity.nodes > 1 else []
    return " ".join([*nodes, f"{count(capacity.cores, 'cores')}, {count(capacity.gpus, 'GPUs')}, {memory}"])


__all__ = ["EngineEnded", "Pilots", "Scheduler"]
