"""What every way of obtaining capacity offers."""

from __future__ import annotations

from typing import Protocol

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.events import Engine


class Launcher(Protocol):
    """Obtains allocations of one kind. `resolve` may be called from any thread, the rest from the reactor's."""

    def resolve(self, description: PilotDescription) -> Capacity:
        """What a pilot with this description offers. Raises InvalidDescriptionError when that cannot be had."""

    def launch(self, pilot: str, description: PilotDescription, capacity: Capacity) -> Engine:
        """The engine of a new allocation, not yet started. Raises OSError when the system refuses it."""

    def close(self) -> None:
        """End all that was launched, and wait until it is gone."""
