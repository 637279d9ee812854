"""A pilot as the user holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.resource.site import Site
from pilot_quantum.resource.state import ALLOWED, IllegalPilotTransitionError, PilotState

Listener = Callable[["Pilot", str], None]


@dataclass(frozen=True, slots=True)
class Controls:
    """What a pilot's manager does for it."""

    drain: Callable[[], None]
    cancel: Callable[[], None]
    resize: Callable[[int], None]


class Pilot:
    """Capacity that was asked for once: watch its state, drain it, cancel it. Made by `Session.add_pilot`."""

    def __init__(
        self,
        pilot: str,
        description: PilotDescription,
        capacity: Capacity,
        controls: Controls,
        on_change: Listener,
    ) -> None:
        self.id = pilot
        self.description = description
        self.capacity = capacity
        """What it offers at most: so many nodes, of such a shape. Followed by its manager."""
        self.nodes = 0
        """Nodes that are up now. Followed by its manager."""
        self.site: Site | None = None
        """What the speed of its nodes belongs to, as the last that came up said; None before it has."""
        self._controls = controls
        self._on_change = on_change
        self._state = PilotState.NEW
        self._history = [f"{time.monotonic():.6f} {PilotState.NEW}"]
        self._changed = threading.Condition()
        self.cause = ""

    @property
    def state(self) -> PilotState:
        """Where the pilot is in its life."""
        return self._state

    @property
    def profile(self) -> ResourceProfile:
        """Its resources as data."""
        c = self.capacity
        return ResourceProfile(self.id, c.nodes, c.cores, c.gpus, c.qpus, c.memory, c.capabilities)

    def drain(self) -> None:
        """Give it no new task; it ends when its running tasks have ended. What it had not begun goes elsewhere.

        Results that were kept there (`keep_remote=True`) come to the session before it ends.
        """
        self._controls.drain()

    def cancel(self) -> None:
        """End it now; the tasks that it runs are run again elsewhere, and nobody pays for that.

        Results that were kept there (`keep_remote=True`) and not asked for are lost.
        """
        self._controls.cancel()

    def resize(self, nodes: int) -> None:
        """Have `nodes` nodes: more are asked for as a further allocation; surplus allocations drain and are given back.

        Takes effect as the scheduler provides; `nodes` says how many are up. Raises InvalidDescriptionError for a pilot
        whose nodes are named (local://, ssh://), for one that ends or has ended, and for a number that cannot be meant
        or that lies outside the bounds between which the pilot grows by itself.
        """
        if self.description.scheme in ("local", "ssh"):
            raise InvalidDescriptionError(
                f"pilot {self.id!r} is {self.description.resource}: its nodes are fixed. Add another pilot instead."
            )
        asked, most = self.description, self.description.max_nodes
        least = 1 if most is None else asked.least_nodes
        if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < least:
            raise InvalidDescriptionError(
                f"nodes={nodes!r} must be a whole number of at least {least}"
                + ("; or drain the pilot." if most is None else ", the pilot's min_nodes.")
            )
        if most is not None and nodes > most:
            raise InvalidDescriptionError(f"nodes={nodes!r} is more than the pilot's max_nodes={most}.")
        if self._state.final or self._state is PilotState.DRAINING:
            raise InvalidDescriptionError(f"pilot {self.id!r} is {self._state} and asks for nothing more: add another.")
        self._controls.resize(nodes)

    def wait(self, state: PilotState | str = PilotState.ACTIVE, timeout: float | None = None) -> PilotState:
        """Wait until the pilot has reached `state` or has ended; its state then. Raises TimeoutError.

        Raises InvalidDescriptionError for what is no state.
        """
        try:
            wanted = PilotState(state)
        except ValueError:
            raise InvalidDescriptionError(unknown("state of pilots", str(state), PilotState)) from None
        order = list(PilotState)
        with self._changed:
            reached = self._changed.wait_for(
                lambda: self._state.final or order.index(self._state) >= order.index(wanted), timeout
            )
            if not reached:
                raise TimeoutError(f"pilot {self.id!r} is {self._state} after {timeout} s, not {wanted}.")
            return self._state

    def move(self, state: PilotState, cause: str = "") -> None:
        """Enter `state` (called by the pilot manager)."""
        with self._changed:
            if state not in ALLOWED[self._state]:
                raise IllegalPilotTransitionError(self.id, self._state, state, self._history)
            self._state, self.cause = state, cause
            self._history.append(f"{time.monotonic():.6f} {state} {cause}".rstrip())
            self._changed.notify_all()
        self._on_change(self, cause)

    def __repr__(self) -> str:
        return f"<Pilot {self.id!r} {self._state} {self.description.url!r}>"
