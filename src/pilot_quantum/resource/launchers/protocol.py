"""What every way of obtaining capacity offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.events import Engine


@dataclass(frozen=True, slots=True)
class Request:
    """One allocation that is wanted: `nodes` nodes. `allocation` is its name, unique in the session.

    capacity: of each node, as `resolve` gave it.
    """

    allocation: str
    pilot: str
    description: PilotDescription
    capacity: Capacity
    nodes: int


class AllocationEvents(Protocol):
    """What a launcher tells of its allocations, on the loop's thread."""

    def moved(self, allocation: str, state: AllocationState, cause: str = "") -> None:
        """The allocation is in this state now; `cause` in the scheduler's own words. The same state again is fine.

        From `running` back to `pending`: it was requeued, and what ran there is lost.
        """

    def ended(self, allocation: str, cause: str, failed: bool) -> None:
        """It is over: refused, cancelled, timed out, lost, or done. `failed`: whether that was a fault."""


class Launcher(Protocol):
    """Obtains allocations of one kind. `resolve` may be called from any thread, the rest from the reactor's.

    Nothing here blocks but `close`: commands run in threads of the launcher's own, which come back by `call_soon`.
    """

    def resolve(self, description: PilotDescription) -> Capacity:
        """What a pilot with this description offers. Raises InvalidDescriptionError when that cannot be had."""

    def launch(self, request: Request, events: AllocationEvents) -> Engine:
        """The engine of a new allocation, not yet started. Raises OSError when the system refuses it."""

    def cancel(self, allocation: str) -> None:
        """Give the allocation back, whatever its state; `ended` follows."""

    def close(self) -> None:
        """End all that was launched, and wait until it is gone (with a bound)."""
