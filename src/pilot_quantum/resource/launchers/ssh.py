"""The launcher `ssh`: hosts that the user may log in to, each with an agent that outlives the connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.engines.reception import Reception
from pilot_quantum.resource.launchers.openssh import OpenSSH
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request
from pilot_quantum.resource.launchers.ssh_allocation import SSHAllocation

_CLOSING = 20.0
"""Seconds that `close` waits for the agents of all hosts."""


class SshLauncher:
    """Agents on hosts reached by ssh. Implements `Launcher`.

    shell: makes the connection to a host, "[user@]name[:port]"; there is one for each host and session.
    """

    def __init__(self, loop: Loop, reception: Reception, shell: Callable[[str], OpenSSH] = OpenSSH) -> None:
        self._loop = loop
        self._reception = reception
        self._shell = shell
        self._shells: dict[str, OpenSSH] = {}
        self._allocations: dict[str, SSHAllocation] = {}

    def resolve(self, description: PilotDescription) -> Capacity:
        """What is asked for; what is not said is known when the hosts have been asked."""
        return Capacity(
            nodes=len(description.hosts),
            cores=LATER if description.cores is None else description.cores,
            gpus=description.gpus,
            qpus=description.qpus,
            memory=LATER if description.memory is None else description.memory,
            capabilities=description.capabilities,
            complete=False,
        )

    def launch(self, request: Request, events: AllocationEvents) -> AgentEngine:
        """An engine whose agents are started by a thread of their own."""
        engine = self._reception.engine(request)
        config = self._reception.config(request)
        shells = [self._connection(host) for host in request.description.hosts]
        allocation = SSHAllocation(request, engine, config, shells, self._loop, events)
        self._allocations[request.allocation] = allocation
        allocation.start()
        return engine

    def cancel(self, allocation: str) -> None:
        """End the agents of its hosts."""
        found = self._allocations.get(allocation)
        if found is not None:
            found.cancel("cancelled")

    def close(self) -> None:
        """End all agents, wait until they are gone, and close our connections."""
        for allocation in self._allocations.values():
            allocation.cancel("session closed")
        deadline = monotonic() + _CLOSING
        for allocation in self._allocations.values():
            allocation.join(deadline - monotonic())
        closers = [threading.Thread(target=shell.close) for shell in self._shells.values()]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        self._shells.clear()
        self._allocations.clear()

    def _connection(self, host: str) -> OpenSSH:
        if host not in self._shells:
            self._shells[host] = self._shell(host)
        return self._shells[host]
