"""Where agents arrive: the session's listeners, the tokens that they know, and the engines behind them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from time import monotonic
from typing import Any

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent import modules
from pilot_quantum.resource.agent.client import search_path
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.capacity import LATER
from pilot_quantum.resource.channel.channel import DEAD
from pilot_quantum.resource.channel.credentials import Credentials, new_token
from pilot_quantum.resource.channel.listener import Listener
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.beside import Beside
from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.engines.files import OutputFiles
from pilot_quantum.resource.engines.local_agent import LocalAgent
from pilot_quantum.resource.launchers.protocol import Request
from pilot_quantum.resource.values.store import Store

GRACE = 60.0
"""Seconds for which a broken channel is bridged; then its agent ends everything, and we no longer wait for it."""
_LATER = 5.0
"""Seconds that we wait longer than the agent."""
_LOOPBACK = "127.0.0.1"
_PATIENCE = 5.0
"""Seconds for local agents to end when the session is closed."""


class Reception:
    """One for each session, shared by the launchers that start agents. `output`: the directory of what tasks print.

    Everything is called on the loop's thread.
    """

    def __init__(self, loop: Loop, output: Path) -> None:
        self._loop = loop
        self._output = output
        self._files = OutputFiles(loop, output)
        self._store = Store(output)
        self._engines: dict[str, AgentEngine] = {}
        self._ended: list[AgentEngine] = []
        self._listeners: dict[str, Listener] = {}
        self._credentials: Credentials | None = None
        self._next: dict[str, int] = {}
        """pilot -> the index of its next node: none is used twice."""
        self._local: dict[str, LocalAgent] = {}
        self._beside = Beside(loop, modules.beside_main())

    def engine(self, request: Request) -> AgentEngine:
        """The engine of an allocation, whose agent may come from now on."""
        engine = AgentEngine(
            request.pilot,
            request.allocation,
            new_token(),
            self._loop,
            self._files.deliver,
            lambda engine: self._begin(request, engine),
            lambda message: self._take(request, message),
            silence=GRACE + _LATER,
            dead=DEAD,
            store=self._store,
        )
        self._engines[request.allocation] = engine
        engine.on_end(lambda: self._forget(request.allocation))
        return engine

    def config(self, request: Request, address: str | None = None) -> AgentConfig:
        """What the head agent of an allocation must know.

        address: of this host, where the agent reaches us; without one, loopback. Raises OSError when we cannot listen
        there.
        """
        engine = self._engines[request.allocation]
        listener = self._listener(address or _LOOPBACK)
        listener.expect(request.allocation, engine.token, engine.accept, engine.connected)
        assert self._credentials is not None
        return _config(request, self._credentials.for_allocation(engine.token), addresses=listener.addresses)

    def adopt(self, link: socket.socket) -> None:
        """Treat a stream that a bridge has brought as a connection to our loopback address: TLS, then the handshake."""
        self._listener(_LOOPBACK).adopt(link)

    def local_agent(self, request: Request, engine: AgentEngine) -> None:
        """Have the engine, once it is started, in a child of this process."""
        credentials = Credentials(certificate_pem="", token=engine.token)
        path = tuple(entry for entry in search_path() if entry)
        # The grace time would be for nobody: when the link breaks we are gone.
        config = _config(request, credentials, path=path, exact=True, grace=1.0)
        log = self._output / f"{request.allocation.replace('/', '-')}.agent.log"
        agent = self._local[request.allocation] = LocalAgent(config, engine, self._loop, log)
        engine.on_start(agent.start)

    def close(self) -> None:
        """End what is left, and wait until local agents are gone."""
        for engine in list(self._engines.values()):
            engine.stop("session closed")
            engine.gone("session closed", failed=False)
        for engine in self._ended:
            engine.close()
        for listener in self._listeners.values():
            listener.close()
        deadline = monotonic() + _PATIENCE
        for agent in self._local.values():
            agent.close(max(0.0, deadline - monotonic()))

    def _listener(self, address: str) -> Listener:
        if self._credentials is None:
            self._credentials = Credentials.make()
        if address not in self._listeners:
            try:
                self._listeners[address] = Listener(self._loop, self._credentials, address)
            except OSError as error:
                advice = "leave address= out, or give an address of this machine that its nodes reach"
                raise OSError(
                    f"nothing can listen for agents on {address} ({os.strerror(error.errno or 0)}): {advice}"
                ) from None
        return self._listeners[address]

    def _begin(self, request: Request, engine: AgentEngine) -> None:
        """An agent has come: number its nodes, and tell it where the user's modules are."""
        first = self._next.get(request.pilot, 0)
        self._next[request.pilot] = first + request.nodes
        if request.allocation in self._local:
            engine.begin(first)
        else:
            self._beside.ask(lambda digest: engine.begin(first, str(self._beside.directory) if digest else "", digest))

    def _take(self, request: Request, message: m.Up) -> None:
        match message:
            case m.WantModules():
                engine = self._engines[request.allocation]
                self._beside.pack(lambda data: engine.tell(m.Modules(message.digest, data)))
            case m.Node():
                pass
            case _:
                raise AssertionError(f"a head agent has no {type(message).__name__} to send")

    def _forget(self, allocation: str) -> None:
        self._ended.append(self._engines.pop(allocation))
        for listener in self._listeners.values():
            listener.forget(allocation)


def _config(request: Request, credentials: Credentials, **changes: Any) -> AgentConfig:
    description, capacity = request.description, request.capacity
    return AgentConfig(
        pilot=request.pilot,
        allocation=request.allocation,
        credentials=credentials,
        engine=description.engine,
        nodes=request.nodes,
        cores=None if capacity.cores == LATER else capacity.cores,
        gpus=0 if capacity.gpus == LATER else capacity.gpus,
        memory=None if capacity.memory == LATER else capacity.memory,
        qpus=0 if capacity.qpus == LATER else capacity.qpus,
        capabilities=description.capabilities,
        walltime=description.walltime,
        **({"grace": GRACE, "dead": DEAD} | changes),
    )
