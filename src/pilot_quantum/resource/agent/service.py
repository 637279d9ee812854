"""The agent's side of the conversation: what the session tells goes to an engine, what the engine reports goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.blobs import Received
from pilot_quantum.resource.agent.doubts import Doubts
from pilot_quantum.resource.agent.keepsakes import Keepsakes
from pilot_quantum.resource.agent.pins import Pins
from pilot_quantum.resource.engines.events import (
    Began,
    Engine,
    EngineEnded,
    EngineEvent,
    Expiring,
    NodesLost,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)


class AgentService:
    """Drives `engine`, once there is one, by messages. Implements `Sink`.

    places: node -> "name=address", learned from shipments where the sender knows it. other: called with messages that
    are not the engine's. ended: called when the engine has ended.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        places: dict[int, str],
        other: Callable[[m.Down], None],
        ended: Callable[[EngineEnded], None],
        sweep: Callable[[str, Sequence[int]], None],
    ) -> None:
        self.engine: Engine | None = None
        self._send = send
        self._places = places
        self._other = other
        self._ended = ended
        self.sweep = sweep
        self._functions: dict[str, bytes] = {}
        self._blobs = Received()
        self._pins = Pins()
        self.keepsakes = Keepsakes()
        self._left: dict[tuple[int, int], m.SentRow] = {}
        """Rows that wait for the event which speaks of them."""
        self._expiring = False
        self.terminated = False
        """Whether a batch system is ending what runs here."""
        self._doubts: Doubts | None = None

    def tell(self, message: m.Up) -> None:
        """Send a message up."""
        self._send(m.encode(message))

    def receive(self, data: bytes) -> None:
        """A message has come."""
        message = m.decode_down(data)
        match message:
            case m.Ship():
                self._ship(message)
            case m.Function():
                self._functions[message.digest] = message.blob
            case m.Blob():
                self._blobs.take(message)
            case m.Drop():
                self._blobs.drop(message)
            case m.Fetch():
                self.tell(self.keepsakes.piece(message))
            case m.LetGo():
                self.keepsakes.let_go(message.items)
            case m.KeepNoMore():
                self.keepsakes.close()
                self.tell(message)
            case m.Revoke():
                if self.engine is not None:
                    self.engine.revoke(message.worker, message.items)
            case m.Kill():
                if self.engine is not None:
                    self.engine.kill(message.worker, message.cause)
            case _:
                self._other(message)

    def _ship(self, ship: m.Ship) -> None:
        if self.engine is None:
            return
        self._places.update(zip(ship.nodes, ship.hosts, strict=False))
        rows, restored = self.keepsakes.restored(ship.rows)
        if ship.large:
            rows = self._blobs.restored(rows, ship.large)
        if ship.large or restored:
            self._pins.add(ship.worker, rows)
        if ship.keep:
            self.keepsakes.expect(ship.worker, rows)
        self.engine.ship(Shipment(ship.worker, ship.function, ship.cores, ship.gpus, rows, ship.nodes))

    # What engines report (`Sink`).

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""
        return self._functions[digest]

    def deliver_rows(self, rows: Sequence[m.SentRow]) -> None:
        """Keep what attempts left until its outcomes are told; what lost ones left goes at once."""
        lost = []
        for row in rows:
            if row[1]:
                self._left[row[0][0], row[0][1]] = row
            else:
                lost.append(row)
        if lost:
            self.tell(m.Report("", lost))

    def emit(self, event: EngineEvent) -> None:
        """Tell the session."""
        if self._doubts is None or not self._doubts.holds(event):
            self._say(event)

    def doubt(self, later: Callable[[float, Callable[[], None]], None]) -> None:
        """Hold failures back for a moment from now on, by the clock `later`: a batch system may end the job."""
        self._doubts = Doubts(later, self._say)

    def terminate(self) -> None:
        """A batch system ends what runs here: failures may be its doing, and are given back."""
        self.terminated = True
        if self._doubts is not None:
            self._doubts.release()

    def _say(self, event: EngineEvent) -> None:
        self._pins.note(event)
        self.keepsakes.note(event)
        match event:
            case Outcomes():
                rows = [self._left.pop((item[0], item[1])) for item in event.items]
                if self.terminated:
                    rows = self._without_failures(event.worker, rows)
                if rows:
                    self.tell(m.Report(event.worker, self.keepsakes.keep(event.worker, rows)))
            case Began():
                self.tell(m.Began(event.worker, event.task, event.attempt, event.at))
            case Revoked():
                self.tell(m.Revoked(event.worker, list(event.items)))
            case WorkerUp():
                self.tell(m.WorkerUp(event.worker, event.pid, event.node))
            case WorkerLost():
                self.tell(m.WorkerLost(event.worker, event.cause))
            case NodesLost():
                self.tell(m.NodesLost(list(event.nodes), event.cause, event.charged))
            case Expiring():
                if not self._expiring:
                    self._expiring = True
                    self.keepsakes.close()
                    self.tell(m.Expiring(event.cause))
            case EngineEnded():
                self._ended(event)
            case _:
                pass  # NodeUp: the agent itself describes its nodes; the rest is the session's own

    def _without_failures(self, worker: str, rows: list[m.SentRow]) -> list[m.SentRow]:
        """The rows that are no failures. The others are given back: programs that tasks started were signalled too."""
        failed = [row for row in rows if not row[0][4]]
        if failed:
            self.tell(m.Report("", [(outcome, b"", output) for outcome, _, output in failed]))
            self.tell(m.Revoked(worker, [(outcome[0], outcome[1]) for outcome, _, _ in failed]))
        return [row for row in rows if row[0][4]]
