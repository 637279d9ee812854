"""All pilots of a session: acquired, watched, ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Protocol

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.allocation import Allocation, AllocationState, pilot_state
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.events import Engine, EngineEnded, EngineEvent, Loop, WorkerLost, WorkerUp
from pilot_quantum.resource.launchers.local import LocalLauncher
from pilot_quantum.resource.launchers.protocol import Launcher
from pilot_quantum.resource.pilot import Pilot
from pilot_quantum.resource.state import PilotState
from pilot_quantum.resource.units import format_bytes


class Scheduler(Protocol):
    """What pilots ask of L2, through the session."""

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Run `fn` on the reactor's thread."""

    def announce(self, pilot: str, capacity: Capacity, ends_at: float | None) -> None:
        """A pilot has been asked for (on the reactor's thread)."""

    def drain(self, pilot: str) -> None:
        """The pilot shall take no new task (on the reactor's thread)."""


class Pilots:
    """Makes pilots from descriptions, keeps their states, hands their engines to the reactor."""

    def __init__(self, loop: Loop, scheduler: Scheduler, journal: JournalWriter, output: Path) -> None:
        self._loop = loop
        self._scheduler = scheduler
        self._journal = journal
        self._launchers: dict[str, Launcher] = {"local": LocalLauncher(loop, output)}
        self._pilots: dict[str, Pilot] = {}
        self._allocations: dict[str, list[Allocation]] = {}
        self._workers: dict[str, set[str]] = {}
        """pilot -> its workers that are up."""
        self._draining: set[str] = set()
        self._ending: dict[str, PilotState] = {}
        """pilot -> the state in which it shall end, where that is not done."""
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def all(self) -> tuple[Pilot, ...]:
        """Every pilot of the session, in the order of their making."""
        return tuple(self._pilots.values())

    def engine(self, pilot: str) -> Engine:
        """The engine of a pilot that has been launched."""
        return self._allocations[pilot][-1].engine

    def add(self, description: PilotDescription) -> Pilot:
        """Check and announce a pilot at once; it comes up in the background. Raises InvalidDescriptionError."""
        scheme = description.resource.partition("://")[0]
        launcher = self._launchers[scheme]
        capacity = launcher.resolve(description)
        with self._lock:
            name = description.name or self._free_name(scheme)
            if name in self._pilots:
                raise InvalidDescriptionError(f"name={name!r} is taken by another pilot of this session.")
            pilot = Pilot(name, description, capacity, self._drain, self._cancel, self._changed)
            self._pilots[name] = pilot
            self._allocations[name], self._workers[name] = [], set()
        self._changed(pilot, "")
        self._scheduler.call_soon(lambda: self._launch(pilot, launcher))
        return pilot

    def observe(self, event: EngineEvent) -> None:
        """Follow what engines report (on the reactor's thread)."""
        pilot = self._pilots[event.pilot]
        if isinstance(event, WorkerUp):
            self._workers[pilot.id].add(event.worker)
            self._journal.worker_row(monotonic(), pilot.id, event.worker, "up", event.pid, "")
            if self._allocations[pilot.id][-1].state is AllocationState.STARTING:
                self._advance(pilot, AllocationState.RUNNING)
        elif isinstance(event, WorkerLost):
            self._workers[pilot.id].discard(event.worker)
            self._journal.worker_row(monotonic(), pilot.id, event.worker, "lost", 0, event.cause)
        elif isinstance(event, EngineEnded) and not pilot.state.final:
            for worker in sorted(self._workers[pilot.id]):
                self._journal.worker_row(monotonic(), pilot.id, worker, "ended", 0, event.cause)
            self._workers[pilot.id].clear()
            if event.failed:
                self._ending[pilot.id] = PilotState.FAILED
            self._advance(pilot, AllocationState.ENDED, event.cause)

    def stop(self, pilot: str) -> None:
        """End a pilot whose tasks have ended (on the reactor's thread)."""
        self.engine(pilot).stop("drained")

    def close(self) -> None:
        """End everything that was launched, and wait until it is gone (on the reactor's thread).

        Does nothing in a child that the program has forked: what the child has copies of is its parent's.
        """
        if os.getpid() != self._owner:
            return
        for name, pilot in self._pilots.items():
            if self._allocations[name] and not pilot.state.final:
                self.engine(name).stop("session closed")
        for launcher in self._launchers.values():
            launcher.close()

    def _launch(self, pilot: Pilot, launcher: Launcher) -> None:
        walltime = pilot.description.walltime
        ends_at = None if walltime is None else monotonic() + walltime
        self._scheduler.announce(pilot.id, pilot.capacity, ends_at)
        try:
            engine = launcher.launch(pilot.id, pilot.description, pilot.capacity)
        except OSError as error:
            self._loop.emit(EngineEnded(pilot.id, f"it cannot be launched: {error}", failed=True))
            return
        self._allocations[pilot.id].append(Allocation(f"{pilot.id}.1", engine))
        self._follow(pilot)
        self._advance(pilot, AllocationState.STARTING)
        engine.start()
        if walltime is not None:
            self._loop.call_later(walltime, lambda: self._expire(pilot))

    def _expire(self, pilot: Pilot) -> None:
        if not pilot.state.final:
            self.engine(pilot.id).stop(f"its walltime of {pilot.description.walltime:g} s is over")

    def _drain(self, pilot: str) -> None:
        self._scheduler.call_soon(lambda: self._drain_now(pilot))

    def _drain_now(self, pilot: str) -> None:
        if self._pilots[pilot].state in (PilotState.STARTING, PilotState.ACTIVE):
            self._draining.add(pilot)
            self._follow(self._pilots[pilot])
            self._scheduler.drain(pilot)

    def _cancel(self, pilot: str) -> None:
        self._scheduler.call_soon(lambda: self._cancel_now(pilot))

    def _cancel_now(self, pilot: str) -> None:
        if self._allocations[pilot] and not self._pilots[pilot].state.final:
            self._ending[pilot] = PilotState.CANCELLED
            self.engine(pilot).stop("cancelled")

    def _advance(self, pilot: Pilot, state: AllocationState, cause: str = "") -> None:
        """Move the pilot's allocation, and the pilot with it."""
        if self._allocations[pilot.id]:
            self._allocations[pilot.id][-1].move(state)
            self._follow(pilot, cause)
        else:
            pilot.move(self._ending[pilot.id], cause)  # it could not even be submitted

    def _follow(self, pilot: Pilot, cause: str = "") -> None:
        """Bring the pilot into the state that its allocations imply."""
        states = [allocation.state for allocation in self._allocations[pilot.id]]
        end = self._ending.get(pilot.id, PilotState.DONE)
        state = pilot_state(states, pilot.id in self._draining, end)
        if state is not pilot.state:
            pilot.move(state, cause)

    def _changed(self, pilot: Pilot, cause: str) -> None:
        capacity = pilot.capacity
        has = f"{capacity.cores} cores, {capacity.gpus} GPUs, {format_bytes(capacity.memory)}"
        text = f"{pilot.description.url} ({has})" if pilot.state is PilotState.NEW else ""
        self._journal.pilot_row(monotonic(), pilot.id, pilot.state.value, cause, text)

    def _free_name(self, scheme: str) -> str:
        index = 1
        while f"{scheme}-{index}" in self._pilots:
            index += 1
        return f"{scheme}-{index}"
