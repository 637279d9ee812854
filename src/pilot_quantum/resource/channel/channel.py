"""Messages between two processes, in order and each once, over connections that come and go."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic

from pilot_quantum.resource.channel.clock import PeerClock
from pilot_quantum.resource.channel.frames import Cutter, FrameError, Kind
from pilot_quantum.resource.channel.stream import Stream
from pilot_quantum.resource.engines.events import Loop

DEAD = 15.0
"""Seconds without a byte after which a connection is taken for cut; heartbeats come three times as often."""
CLOSED = "the other end closed the connection"
"""The cause of a break that is no cut: somebody there has ended it, or has ended."""
_FIRST_BEAT = 0.05
"""Seconds: heartbeats begin quickly, doubling, so that the clock's offset is known soon."""
_OWED = 1 << 20
"""Bytes received that are confirmed at once; fewer wait for a frame that goes back anyway, or for _ACK_DELAY."""
_ACK_DELAY = 0.1
_CHUNK = 1 << 18
_LEFT = 64
"""Chunks that are read before a connection is closed, at most."""
_TURN = 1 << 20
"""Bytes read, or written, in one go, before others have their turn on the loop."""


class Channel:
    """Implements `MessageChannel`.

    dead: seconds without a byte after which a connection is taken for cut. beat: seconds between heartbeats, by default
    a third of that.
    """

    def __init__(
        self,
        loop: Loop,
        receive: Callable[[bytes], None],
        changed: Callable[[bool, str], None],
        *,
        beat: float | None = None,
        dead: float = DEAD,
    ) -> None:
        self._loop = loop
        self._receive = receive
        self._changed = changed
        self._beat_every, self._dead_after = dead / 3 if beat is None else beat, dead
        self._stream = Stream()
        self._clock = PeerClock()
        self._connection: _Connection | None = None
        self._acknowledging = False
        """Whether a timer runs for what we owe."""
        self._awaited: list[tuple[int, Callable[[], None]]] = []
        self._closed = False

    @property
    def received(self) -> int:
        """What the other end need not send again."""
        return self._stream.received

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None

    @property
    def unacknowledged(self) -> int:
        """Bytes of messages that the other end has not confirmed."""
        return self._stream.unacknowledged

    @property
    def clock_offset(self) -> float:
        """Seconds to add to the other's monotonic time to have ours; 0 where both processes share a host."""
        return self._clock.offset

    def send(self, message: bytes) -> None:
        """Send a message, now or when a connection is there again. It is kept: do not change it."""
        if self._closed:
            return
        self._stream.send(message)
        if self._connection is not None:
            self._write(self._connection)

    def on_acknowledged(self, callback: Callable[[], None]) -> None:
        """Call `callback` once all that has been sent so far has arrived."""
        self._awaited.append((self._stream.numbered, callback))
        self._loop.call_soon(self._tell_awaited)

    def confirm(self) -> None:
        """Tell the other end at once what has come, for it may wait for nothing else."""
        if self._stream.owed:
            self._acknowledge()

    def attach(self, link: socket.socket, peer_received: int) -> None:
        """Go on over this connected stream, plain or TLS, in the place of the one before.

        Raises ResumeError, with the link closed, when the other end cannot have `peer_received`.
        """
        if self._closed:
            link.close()
            return
        self._drop()
        try:
            self._stream.resume(peer_received)
        except ValueError:
            link.close()
            raise
        offset, self._clock = self._clock.offset, PeerClock()
        self._clock.offset = offset
        connection = self._connection = _Connection(link)
        self._loop.watch(connection.fd, lambda: self._ready(connection))
        self._tick(connection, min(_FIRST_BEAT, self._beat_every))
        # TLS may have read more than the handshake: no poll would tell of that.
        self._loop.call_soon(lambda: self._ready(connection))
        self._changed(True, "")

    def detach(self, cause: str) -> None:
        """Let the connection go; messages wait for the next."""
        if self._connection is not None:
            self._drop()
            self._changed(False, cause)

    def close(self) -> None:
        """Write what can be written at once, and end. Nothing is called back from now on."""
        self.confirm()  # who said the last word waits for that
        self._closed = True
        connection = self._connection
        if connection is not None:
            self._write(connection)
            connection.finish()
            self._drop()

    # One connection. Every callback may come when it is no longer the present one.

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._loop.unwatch(connection.fd)
            connection.link.close()

    def _break(self, connection: _Connection, cause: str) -> None:
        if self._connection is connection:
            self._tell_awaited()  # what was confirmed just before the end
            self.detach(cause)

    def _ready(self, connection: _Connection) -> None:
        if self._connection is connection:
            self._read(connection)
        if self._connection is connection:
            self._write(connection)

    def _read(self, connection: _Connection) -> None:
        budget = _TURN
        while budget > 0:
            try:
                data = connection.link.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self._break(connection, f"the connection broke: {_words(error)}")
                return
            if not data:
                self._break(connection, CLOSED)
                return
            budget -= len(data)
            connection.heard = monotonic()
            if not self._take_in(connection, data):
                return
            if len(data) < _CHUNK and not isinstance(connection.link, ssl.SSLSocket):
                break
        self._tell_awaited()
        self._settle()

    def _take_in(self, connection: _Connection, data: bytes) -> bool:
        """Hand on the messages that `data` completes; whether the connection is still there."""
        stream = self._stream
        try:
            for frame in connection.cutter.feed(data):
                message = stream.accept(frame)
                if message is not None:
                    self._receive(message)
                    if self._connection is not connection:
                        return False  # the rest was not accepted, and comes again
                elif frame.kind == Kind.BEAT:
                    self._clock.hear(frame.body, connection.heard)
        except FrameError as error:
            self._break(connection, f"what came over the connection makes no sense: {error}")
            return False
        return True

    def _settle(self) -> None:
        """Confirm what has come: at once where it is much, else together with what goes back, or soon."""
        if not self._stream.owed or self._connection is None:
            return
        if self._stream.owed >= _OWED:
            self._acknowledge()
        elif not self._acknowledging:
            self._acknowledging = True
            self._loop.call_later(_ACK_DELAY, self._acknowledge_late)

    def _acknowledge_late(self) -> None:
        self._acknowledging = False
        if self._stream.owed:
            self._acknowledge()

    def _acknowledge(self) -> None:
        if self._connection is not None:
            self._stream.control(Kind.ACK)
            self._write(self._connection)

    def _tell_awaited(self) -> None:
        while self._awaited and not self._closed and self._awaited[0][0] <= self._stream.acknowledged:
            self._awaited.pop(0)[1]()

    def _write(self, connection: _Connection) -> None:
        budget = _TURN
        while connection.broken is False:
            if not connection.out:
                connection.out = memoryview(self._stream.take(_CHUNK))
                if not connection.out:
                    break
            if budget <= 0:
                break
            try:
                # TLS wants the same bytes again when it could not take them: they stay in `out` until then.
                sent = connection.link.send(connection.out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                connection.broken = True
                self._loop.call_soon(partial(self._break, connection, f"the connection broke: {_words(error)}"))
                return
            connection.out = connection.out[sent:]
            budget -= sent
        stalled = bool(connection.out) and not connection.broken
        if stalled is not connection.stalled:
            connection.stalled = stalled
            self._loop.watch(connection.fd, lambda: self._ready(connection), write=stalled)

    def _tick(self, connection: _Connection, pause: float) -> None:
        """Send a heartbeat, and see whether the other end is silent."""
        if self._connection is not connection:
            return
        if monotonic() - connection.heard > self._dead_after:
            self._read(connection)  # we may have been the ones who slept
            if self._connection is connection and monotonic() - connection.heard > self._dead_after:
                self._break(connection, f"nothing was heard from the other end for {self._dead_after:g} s")
            if self._connection is not connection:
                return
        self._stream.control(Kind.BEAT, self._clock.beat(monotonic()))
        self._write(connection)
        self._loop.call_later(pause, lambda: self._tick(connection, min(2 * pause, self._beat_every)))


class _Connection:
    """A connected stream, and what belongs to it alone."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self.link = link
        self.fd = link.fileno()
        self.cutter = Cutter()
        self.out = memoryview(b"")
        """What is being written."""
        self.heard = monotonic()
        self.stalled = False
        """Whether the loop tells when more can be written."""
        self.broken = False
        """Whether writing has failed, which is about to be told."""
        if link.family in (socket.AF_INET, socket.AF_INET6):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2000 * DEAD))

    def finish(self) -> None:
        """Say that no more comes; and read what is there, for a close before that would take back what was written."""
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_WR)
            for _ in range(_LEFT):
                if not self.link.recv(_CHUNK):
                    break


def _words(error: OSError) -> str:
    return error.strerror or str(error)
