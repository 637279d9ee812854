"""The launcher `local`: this machine, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource import machine
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.events import Engine, Loop
from pilot_quantum.resource.engines.processes import Place, ProcessesEngine
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request
from pilot_quantum.resource.units import format_bytes

if TYPE_CHECKING:
    from pilot_quantum.resource.engines.reception import Reception

_SHARING = 64
"""Workers that may share one core: beyond, a slip of the pen is likelier than an intention."""


class LocalLauncher:
    """Worker processes of this machine, forked by one guard; Dask and Ray, inside an agent. Implements `Launcher`."""

    def __init__(self, loop: Loop, output: Path, reception: Callable[[], Reception]) -> None:
        self._loop = loop
        self._output = output
        self._reception = reception
        self._guard: GuardClient | None = None

    def resolve(self, description: PilotDescription) -> Capacity:
        """What is asked for; what is not said is taken from the machine."""
        installed = machine.memory()
        memory = description.memory if description.memory is not None else installed
        if memory > installed:
            raise InvalidDescriptionError(
                f"memory={memory} ({format_bytes(memory)}) is more than this machine lets us use: "
                f"{format_bytes(installed)}. Ask for less, or leave it out to take all."
            )
        _check_cores(description.cores)
        visible = machine.visible_gpus()
        if visible and len(visible) < description.gpus:
            raise InvalidDescriptionError(
                f"gpus={description.gpus} is more than this program may see: "
                f"CUDA_VISIBLE_DEVICES={','.join(visible)!r} shows {len(visible)}. Ask for fewer, or set it anew."
            )
        return Capacity(
            nodes=1,
            cores=description.cores if description.cores is not None else machine.cores(),
            gpus=description.gpus,
            memory=memory,
            capabilities=description.capabilities | machine.capabilities(),
        )

    def launch(self, request: Request, events: AllocationEvents) -> Engine:
        """An engine whose workers the session's guard forks, or one in an agent of its own."""
        # Soon: the pilot manager learns the allocation's name from what this returns.
        self._loop.call_soon(lambda: events.moved(request.allocation, AllocationState.STARTING))
        if request.description.engine != "processes":
            reception = self._reception()
            engine = reception.engine(request)
            reception.local_agent(request, engine)
            return engine
        if self._guard is not None and self._guard.lost:
            self._guard.close()
            self._guard = None
        if self._guard is None:
            self._guard = GuardClient(self._loop)
        capacity = request.capacity
        gpus = machine.gpu_ids(capacity.gpus)
        place = Place(f"{request.pilot}/", capacity=capacity, group=request.allocation)
        return ProcessesEngine(request.pilot, capacity.cores, gpus, self._guard, self._loop, self._output, place)

    def cancel(self, allocation: str) -> None:
        """Nothing to give back: the engine has ended its workers."""

    def close(self) -> None:
        """End the guard and every process that it started."""
        if self._guard is not None:
            self._guard.close()
            self._guard = None


def _check_cores(asked: int | None) -> None:
    """More workers than cores may share them, within reason. Raises InvalidDescriptionError beyond."""
    there = machine.cores()
    if asked is not None and asked > _SHARING * there:
        raise InvalidDescriptionError(
            f"cores={asked} means as many worker processes; this machine has {there} cores, for at most "
            f"{_SHARING * there} workers ({_SHARING} a core). Ask for fewer, or leave it out to take what is there."
        )
