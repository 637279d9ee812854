"""The further nodes of an allocation: their agents, started and followed by the head agent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent import modules
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.agent.errands import Errands
from pilot_quantum.resource.agent.loop import AgentLoop
from pilot_quantum.resource.agent.remote import FAREWELL, RemoteNode
from pilot_quantum.resource.agent.service import AgentService
from pilot_quantum.resource.agent.spawn import configuration, spawn, way
from pilot_quantum.resource.agent.table import SPANNING
from pilot_quantum.resource.channel.credentials import Credentials, new_token
from pilot_quantum.resource.channel.listener import Listener
from pilot_quantum.resource.engines.events import Engine, NodesLost

_LEAVE = 1.0
"""Seconds for the commands that started agents to end after them: Slurm keeps a node 2 s longer if we kill them."""


class Further:
    """The nodes `names`, numbered from `first`.

    places: gets "name=address" of each. directory: for logs; shared: one that all nodes see, if any. ends_at: when the
    allocation ends (monotonic seconds). errands: carries out what tasks there want run elsewhere.
    """

    def __init__(
        self,
        config: AgentConfig,
        loop: AgentLoop,
        service: AgentService,
        names: Sequence[str],
        first: int,
        places: dict[int, str],
        guard: GuardClient,
        directory: Path,
        shared: Path | None,
        ends_at: float | None,
        errands: Errands,
    ) -> None:
        self._config = config
        self._loop = loop
        self._service = service
        self._places = places
        self._guard = guard
        self._directory = directory
        self._shared = shared
        self._ends_at = ends_at
        self._errands = errands
        self._token = new_token()
        self._listener: Listener | None = None
        self._modules = ("", "")
        self._changed = asyncio.Event()
        self._stopping = False
        self._commands: set[int] = set()
        """Nodes whose agents a command has started that still runs."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._nodes = {node: self._make(node, name) for node, name in enumerate(names, first)}

    async def open(self, address: str, here: str, digest: str) -> None:
        """Listen at `address`, and have the agents started. here, digest: the user's modules, as this node has them."""
        self._modules = here, digest
        credentials = await asyncio.to_thread(Credentials.make)
        listener = self._listener = Listener(self._loop, credentials, address)
        base = configuration(
            self._config,
            credentials=credentials.for_allocation(self._token),
            addresses=listener.addresses,
            engine="none" if self._config.engine in SPANNING else self._config.engine,
            listen=None,
        )
        for node in self._nodes.values():
            engine = node.engine
            listener.expect(engine.allocation, self._token, engine.accept, engine.connected)
        kind = way(self._config)
        if kind == "launcher":
            self._service.tell(m.Listening(base.to_json()))
        for node in self._nodes.values():
            one = msgspec.structs.replace(base, name=node.name, allocation=node.engine.allocation)
            if kind != "launcher":
                self._commands.add(node.node)
            spawn(one, kind, self._guard, self._directory, self._shared, partial(self._over, node))
            self._loop.call_later(self._config.patience, partial(self._overdue, node))

    def engines(self) -> Mapping[int, Engine]:
        """Their engines, by node."""
        return {index: node.engine for index, node in self._nodes.items()}

    async def hosts(self) -> list[RemoteNode]:
        """Those that have come, once all have come or are given up."""
        while any(not node.ready and not node.lost for node in self._nodes.values()):
            self._changed.clear()
            await self._changed.wait()
        return [node for node in self._nodes.values() if not node.lost]

    def find(self, host: str) -> RemoteNode | None:
        """The one of this name or address that is there."""
        there = [node for node in self._nodes.values() if node.ready and not node.lost]
        return next((node for node in there if host in (node.name, node.address)), None)

    def names(self) -> list[str]:
        """How they are called."""
        return [node.name for node in self._nodes.values()]

    def sweep(self, node: int, mark: str) -> None:
        """End what bears this mark on a node, if it is one of these."""
        if node in self._nodes:
            self._nodes[node].sweep(mark)

    async def stop(self, cause: str) -> None:
        """End all of their agents, and wait until they are gone, for a bounded time."""
        self._stopping = True
        leaving = {index for index in self._commands if not self._nodes[index].lost}
        for node in self._nodes.values():
            node.engine.stop(cause)
        await self._until(lambda: all(node.lost for node in self._nodes.values()), FAREWELL + 1)
        for node in self._nodes.values():
            node.engine.close()
        if self._listener is not None:
            self._listener.close()
        await self._until(lambda: not leaving & self._commands, _LEAVE)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for what `_changed` may have brought about, so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()

    def _make(self, node: int, name: str) -> RemoteNode:
        return RemoteNode(
            node,
            name,
            self._config.pilot,
            f"{self._config.allocation}@{name}",
            self._token,
            self._loop,
            up=lambda message: self._up(node, message),
            other=self._other,
            hello=lambda one: one.engine.begin(one.node, *self._modules),
            ended=self._ended,
            places=self._places,
            grace=self._config.grace,
            dead=self._config.dead,
        )

    def _over(self, node: RemoteNode, how: str) -> None:
        """The command that started a node's agent has ended."""
        self._commands.discard(node.node)
        self._changed.set()
        node.engine.gone(f"its agent {'has ended' if node.ready else 'could not be started'}: {how}", failed=True)

    def _overdue(self, node: RemoteNode) -> None:
        if not node.ready:
            node.engine.gone(f"its agent did not come within {self._config.patience:g} s", failed=True)

    def _up(self, index: int, message: m.Node) -> None:
        node = self._nodes[index]
        self._places[index] = f"{node.name}={message.address}"
        self._service.tell(msgspec.structs.replace(message, host=node.name, ends_at=self._ends_at))
        self._changed.set()

    def _ended(self, node: RemoteNode, cause: str) -> None:
        self._changed.set()
        if not self._stopping:
            cause = f"node {node.name}: {cause}"
            self._service.emit(NodesLost(self._config.pilot, [node.node], cause, charged=True))

    def _other(self, node: RemoteNode, message: m.Up) -> None:
        match message:
            case m.WantModules():
                task = asyncio.get_running_loop().create_task(self._send_modules(node, message.digest))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case m.Sweep():
                self._service.sweep(message.mark, message.nodes)
            case m.Reach(number, host, argv, environ):
                self._errands.start(
                    (node.node, number), host, argv, environ, lambda how: node.engine.tell(m.Reached(number, how))
                )
            case m.Release(number):
                self._errands.end((node.node, number))
            case _:
                raise AssertionError(f"a node's agent has no {type(message).__name__} to send")

    async def _send_modules(self, node: RemoteNode, digest: str) -> None:
        data = await asyncio.to_thread(modules.pack, Path(self._modules[0]))
        node.engine.tell(m.Modules(digest, data))
