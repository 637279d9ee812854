"""An engine that is elsewhere: it is driven through the agent that has it, over a channel."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import msgspec

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.blobs import Sent
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.channel.channel import CLOSED, DEAD, Channel
from pilot_quantum.resource.channel.handshake import Hello, Refused, Welcome, verdict
from pilot_quantum.resource.channel.listener import Acceptance
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    Expiring,
    Loop,
    NodesLost,
    NodeUp,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.engines.fetching import Fetching
from pilot_quantum.resource.values.kept import Kept, Key, are_words
from pilot_quantum.resource.values.store import Store

SILENCE = 65.0
"""Seconds without an agent's connection after which it is taken to be gone: its own grace time, and a little."""
FAREWELL = 3.0
"""Seconds for an agent to end when it is told to."""
_LINGER = 1.0
"""Seconds for which a channel is kept after the last word, to confirm it."""

Deliver = Callable[[str, Sequence[m.SentRow]], None]


class AgentEngine:
    """The engine of one allocation (or of one node of it, in its head agent). Implements `Engine`, `Keeping`, `Keeper`.

    deliver: takes what attempts left, before their outcomes. begin: called with a fresh agent's engine, which it
    answers, now or later, by calling `begin` of this engine. other: messages that are not an engine's. silence: seconds
    after which an agent without a connection is taken to be gone; closed: the same where its end was closed rather
    than cut, and nobody stands between us; dead: without a byte, after which a connection is taken for cut. farewell:
    seconds for it to end when it is told to. store: where results are put that were kept and are fetched.
    """

    def __init__(
        self,
        pilot: str,
        allocation: str,
        token: bytes,
        loop: Loop,
        deliver: Deliver,
        begin: Callable[[AgentEngine], None],
        other: Callable[[m.Up], None],
        *,
        silence: float = SILENCE,
        closed: float | None = None,
        farewell: float = FAREWELL,
        dead: float = DEAD,
        store: Store | None = None,
    ) -> None:
        self.pilot = pilot
        self.allocation = allocation
        self.token = token
        self.places: dict[int, str] = {}
        """node -> "name=address", where this end knows it."""
        self.nodes: set[int] = set()
        self.hosts: set[str] = set()
        """Names of hosts whose agents have been there."""
        self.ended = False
        self.end = "", False
        """Once it has ended: the cause, and whether that was a fault."""
        self._loop = loop
        self._deliver = deliver
        self._begin = begin
        self._other = other
        self._silence = silence
        self._closed = silence if closed is None else closed
        self._farewell = farewell
        self._dead = dead
        self._launch: Callable[[], None] | None = None
        self._on_hello: list[Callable[[], None]] = []
        self._on_break: list[Callable[[str], None]] = []
        self._on_end: list[Callable[[], None]] = []
        self._on_listening: list[Callable[[AgentConfig], None]] = []
        self._acceptance: Acceptance | None = None
        self._channel: Channel | None = None
        self._incarnation = ""
        self._past: set[str] = set()
        """Incarnations that were given up."""
        self._breaks = 0
        self._functions: set[str] = set()
        self._blobs = Sent()
        self._store = store
        self._kept = Fetching(self, self.tell, self._room)

    # The engine.

    def start(self) -> None:
        """Nothing, or what `on_start` was told: the agent comes when its launcher has brought it about."""
        if self._launch is not None:
            self._launch()

    def ship(self, shipment: Shipment) -> None:
        """Send tasks; functions and large arguments once for each agent."""
        if self._channel is None:
            return  # the agent has just been lost, and the event is on its way
        if shipment.function not in self._functions:
            self._functions.add(shipment.function)
            self.tell(m.Function(shipment.function, self._loop.function(shipment.function)))
        rows, left, first = self._blobs.split(shipment.parcels)
        for message in first:
            self.tell(message)
        hosts = [self.places[node] for node in shipment.nodes if node in self.places]
        worker, function, nodes = shipment.worker, shipment.function, shipment.nodes
        self.tell(m.Ship(worker, function, shipment.cores, shipment.gpus, nodes, hosts, rows, left, shipment.keep))
        self._kept.used = self._kept.used or shipment.keep
        drop = self._blobs.settle()
        if drop is not None:
            self.tell(drop)

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Ask for tasks back that have not begun."""
        self.tell(m.Revoke(worker, list(items)))

    def kill(self, worker: str, cause: str) -> None:
        """End a worker's process."""
        self.tell(m.Kill(worker, cause))

    def stop(self, cause: str) -> None:
        """Tell the agent to end; without an answer it is taken to be gone soon."""
        if self.ended:
            return
        if self._channel is None or not self._channel.connected:
            self.gone(cause, failed=False)  # an agent that comes later is refused, and ends
            return
        self.tell(m.Stop(cause))
        self._loop.call_later(self._farewell, lambda: self.gone(cause, failed=False))

    # Results that stay there.

    def fetch(self, kept: Kept) -> None:
        """Bring a result that was kept; from any thread."""
        self._loop.call_soon(lambda: self._kept.ask(kept))

    def let_go(self, key: Key) -> None:
        """Let a result go that was kept; from any thread."""
        self._loop.call_soon(lambda: self._kept.let_go(key))

    def hand_over(self, done: Callable[[], None]) -> None:
        """Bring all that is kept there to the session, then call `done()`; at once where nothing was to be kept."""
        if self._channel is not None and (self._channel.connected or self._kept.pending):
            self._kept.hand_over(done)
        else:
            done()

    def _room(self) -> Store:
        if self._store is None:
            self._store = Store()
        return self._store

    # For launchers.

    def on_start(self, launch: Callable[[], None]) -> None:
        """Call `launch()` when the engine is started."""
        self._launch = launch

    def on_hello(self, callback: Callable[[], None]) -> None:
        """Call `callback()` each time an agent has said Hello."""
        self._on_hello.append(callback)

    def on_break(self, callback: Callable[[str], None]) -> None:
        """Call `callback(cause)` when the connection broke, or when a stream that was adopted led to no agent."""
        self._on_break.append(callback)

    def on_listening(self, callback: Callable[[AgentConfig], None]) -> None:
        """Call `callback(config)` when a head agent waits for those of further nodes, which are to be given a name."""
        self._on_listening.append(callback)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when the engine has ended."""
        self._on_end.append(callback)

    def gone(self, cause: str, failed: bool) -> None:
        """The allocation is over."""
        if self.ended:
            return
        self.ended, self.end = True, (cause, failed)
        self._loop.emit(EngineEnded(self.pilot, cause, failed, self.allocation))
        self._kept.lose(cause)  # after it: tasks that ran there wait again, and end with what they need
        for callback in self._on_end:
            callback()
        if self._acceptance is not None:
            self._acceptance.cancel()
        self._loop.call_later(_LINGER, self.close)

    def lost(self, cause: str, charged: bool = False) -> None:
        """The agent is gone and another will come: the allocation was requeued."""
        if self._incarnation:
            self._past.add(self._incarnation)
            self._incarnation = ""
        self.close()
        self._channel = None
        self._lose_nodes(cause, charged)
        self._kept.lose(cause)

    def adopt(self, link: socket.socket) -> None:
        """Go on over this stream, at whose other end the agent is."""
        if self.ended:
            link.close()
            return
        if self._acceptance is not None:
            self._acceptance.cancel()

        def failed(cause: str) -> None:
            self._acceptance = None
            if not self.ended:
                self._tell_break(cause)

        self._acceptance = Acceptance(
            self._loop, link, self.allocation, self.token, self.accept, self.connected, failed
        )

    def close(self) -> None:
        """Let the channel go, after a last try to say what is still to be said."""
        if self._channel is not None:
            self._channel.close()

    # The handshake.

    def accept(self, hello: Hello) -> Welcome | Refused:
        """Decide about an agent that has shown the token."""
        if self.ended:
            return Refused("its session has given this allocation up.")
        if hello.incarnation in self._past:
            return Refused("its session has another agent in its place.")
        fresh = hello.incarnation != self._incarnation
        channel = self._channel
        answer = verdict(hello, 0 if fresh or channel is None else channel.received)
        if isinstance(answer, Refused):
            why = f"the agent on {hello.facts.host} was refused: {answer.why}"
            self._loop.call_soon(lambda: self.gone(why, failed=True))
        return answer

    def connected(self, hello: Hello, link: socket.socket) -> None:
        """Talk to the agent over `link`."""
        self._acceptance = None
        if self.ended or hello.incarnation in self._past:
            link.close()
            return
        fresh = hello.incarnation != self._incarnation
        if fresh:
            if self._incarnation:
                self.lost("its agent was started anew")
            self._incarnation = hello.incarnation
            self._functions, self._blobs = set(), Sent()
            channel = self._channel = Channel(
                self._loop, self._receive, lambda up, why: self._changed(channel, up, why), dead=self._dead
            )
        assert self._channel is not None
        self._channel.attach(link, hello.received)
        if fresh:
            self._begin(self)
        for callback in self._on_hello:
            callback()

    def begin(self, first: int, modules: str = "", digest: str = "") -> None:
        """Have the agent start its engine; its nodes are numbered from `first`."""
        self.tell(m.Begin(first, modules, digest))

    def tell(self, message: m.Down) -> None:
        """Send a message to the agent, if there is one."""
        if self._channel is not None:
            self._channel.send(m.encode(message))

    @property
    def clock_offset(self) -> float:
        """Seconds to add to the agent's monotonic clock to have ours."""
        return self._channel.clock_offset if self._channel is not None else 0.0

    def _changed(self, channel: Channel, connected: bool, cause: str) -> None:
        if self.ended or channel is not self._channel:
            return
        self._breaks += 1
        if connected:
            return
        breaks, silence = self._breaks, self._closed if cause == CLOSED else self._silence

        def overdue() -> None:
            if self._breaks == breaks and channel is self._channel:
                self.gone(f"no word from its agent for {silence:g} s ({cause})", failed=True)

        self._loop.call_later(silence, overdue)
        self._tell_break(cause)

    def _tell_break(self, cause: str) -> None:
        for callback in self._on_break:
            callback(cause)

    # What the agent says.

    def _receive(self, data: bytes) -> None:
        if self.ended:
            return
        try:
            message = m.decode_up(data)
        except (msgspec.DecodeError, ValueError) as error:
            self.gone(f"what its agent sent is no message: {error}", failed=True)
            return
        self._take(message)

    def _take(self, message: m.Up) -> None:
        pilot, emit = self.pilot, self._loop.emit
        match message:
            case m.Report():
                self._report(message)
            case m.Began():
                at = message.at + self.clock_offset
                emit(Began(pilot, message.worker, message.task, message.attempt, at))
            case m.Revoked():
                emit(Revoked(pilot, message.worker, message.items))
            case m.Node():
                self._other(message)
                self._node_up(message)
            case m.WorkerUp():
                emit(WorkerUp(pilot, message.worker, message.pid, message.node))
            case m.WorkerLost():
                emit(WorkerLost(pilot, message.worker, message.cause))
            case m.NodesLost():
                self.nodes.difference_update(message.nodes)
                emit(NodesLost(pilot, message.nodes, message.cause, message.charged))
            case m.Piece():
                self._kept.take(message)
            case m.KeepNoMore():
                self._kept.kept_no_more()
            case m.Expiring():
                self._kept.leave("its pilot is about to end")
                emit(Expiring(pilot, message.cause, self.allocation))
            case m.Listening():
                config = msgspec.json.decode(message.config, type=AgentConfig)
                for callback in self._on_listening:
                    callback(config)
            case m.Ended():
                self.gone(message.cause, message.failed)
                if self._channel is not None:
                    self._channel.confirm()  # it waits for that, and our loop may stand still soon
            case _:
                self._other(message)

    def _report(self, report: m.Report) -> None:
        rows, offset = report.rows, self.clock_offset
        if offset:
            rows = [
                ((task, attempt, began + offset, ended + offset, ok), value, output)
                for (task, attempt, began, ended, ok), value, output in rows
            ]
        if self._kept.used:
            try:
                rows = [(row[0], self._kept.found(row[1]), row[2]) if are_words(row[1]) else row for row in rows]
            except ValueError as error:
                self.gone(f"what its agent sent is no result: {error}", failed=True)
                return
        self._deliver(report.worker, rows)
        outcomes = [row[0] for row in rows if row[1]]
        if outcomes:
            self._loop.emit(Outcomes(self.pilot, report.worker, outcomes))

    def _node_up(self, node: m.Node) -> None:
        self.nodes.add(node.node)
        self.hosts.add(node.host)
        capacity = Capacity(
            nodes=1,
            cores=node.cores,
            gpus=len(node.gpus),
            qpus=node.qpus,
            memory=node.memory,
            capabilities=frozenset(node.capabilities),
        )
        ends_at = None if node.ends_at is None else node.ends_at + self.clock_offset
        self._loop.emit(NodeUp(self.pilot, node.node, capacity, node.host, self.allocation, ends_at, node.site))

    def _lose_nodes(self, cause: str, charged: bool) -> None:
        nodes, self.nodes = sorted(self.nodes), set()
        if nodes and not self.ended:
            self._loop.emit(NodesLost(self.pilot, nodes, cause, charged))
