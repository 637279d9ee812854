"""One worker as the engine sees it: its process, and what is on its way there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pilot_quantum.resource.agent.blobs import Sent
from pilot_quantum.resource.engines.events import Shipment

if TYPE_CHECKING:
    from pilot_quantum.resource.agent.hosts import Host
    from pilot_quantum.resource.engines.dask.stream import Stream


class Seat:
    """A worker's process, the `generation`-th of the engine's."""

    def __init__(self, worker: str, core: int, host: Host, generation: int) -> None:
        self.worker = worker
        self.core = core
        self.host = host
        self.name = f"{worker}~{generation}"
        """As Dask knows it; unique, so that nothing meant for its predecessor reaches it."""
        self.process = f"dask-worker-{core}-{generation}"
        self.mark = ""
        """What the processes that it starts bear."""
        self.address = ""
        """Where Dask finds it."""
        self.pid = 0
        self.stream: Stream | None = None
        self.functions: set[str] = set()
        self.blobs = Sent()
        """Large arguments that its process has, where it is on another host than the engine."""
        self.gpus: str | None = None
        """GPUs that its process has seen; None until its first task."""
        self.nodes: tuple[int, ...] = ()
        """The nodes of the gang that it leads."""
        self.held: list[Shipment] = []
        """What came before it was ready."""
        self.announced = False
        """Whether the worker is known to be up: in this process, or in the one that it replaces."""
        self.ready = False
        self.doomed = ""
        """Why we are ending it, if we are."""
        self.silent = asyncio.Event()
        """Set when all that it has said has been heard."""
        self.gone = asyncio.Event()
        """Set when its process has ended."""
