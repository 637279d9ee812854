"""The rules by which no message is lost, doubled or overtaken, whatever becomes of the connections. No I/O."""

from __future__ import annotations

from collections import deque

from pilot_quantum.resource.channel.frames import HEADER, LARGEST, Frame, FrameError, Kind


class ResumeError(ValueError):
    """The other end cannot have received what it says: it is not the one that these messages were for."""


class Stream:
    """One end of a conversation: numbers what is sent, keeps it until acknowledged, drops what comes twice.

    A long message is numbered part by part, so that a connection which breaks often still makes headway.
    """

    def __init__(self) -> None:
        self.received = 0
        """The last part that has come."""
        self.owed = 0
        """Bytes, headers included, that have come since the other end was last told what has."""
        self.unacknowledged = 0
        """Bytes that are kept."""
        self.acknowledged = 0
        """The last of our parts that the other end has confirmed."""
        self.numbered = 0
        """The last part that was given a number."""
        self._waiting: deque[tuple[int, int, bytes | memoryview]] = deque()
        self._flying: deque[tuple[int, int, bytes | memoryview]] = deque()
        """Written to the present connection, and not confirmed."""
        self._controls: deque[tuple[Kind, bytes]] = deque()
        self._parts: list[bytes] = []

    def send(self, message: bytes) -> None:
        """Number a message and keep it, to be taken and written. It is not copied."""
        size = len(message)
        self.unacknowledged += size
        if size <= LARGEST:
            self.numbered += 1
            self._waiting.append((Kind.LAST, self.numbered, message))
            return
        view = memoryview(message)
        for begin in range(0, size, LARGEST):
            self.numbered += 1
            kind = Kind.PART if begin + LARGEST < size else Kind.LAST
            self._waiting.append((kind, self.numbered, view[begin : begin + LARGEST]))

    def control(self, kind: Kind, body: bytes = b"") -> None:
        """Have a frame written before the messages; it is lost with its connection."""
        if kind != Kind.ACK or not self._controls:  # every header confirms
            self._controls.append((kind, body))

    def take(self, limit: int) -> bytes:
        """The frames that shall be written next, about `limit` bytes; empty when there is nothing to write."""
        pieces: list[bytes | memoryview] = []
        total, received = 0, self.received
        while self._controls:
            kind, body = self._controls.popleft()
            pieces += (HEADER.pack(kind, len(body), 0, received), body)
        waiting, flying = self._waiting, self._flying
        while waiting and total < limit:
            part = waiting.popleft()
            flying.append(part)
            size = len(part[2])
            pieces += (HEADER.pack(part[0], size, part[1], received), part[2])
            total += size + HEADER.size
        if pieces:
            self.owed = 0
        return b"".join(pieces)

    def accept(self, frame: Frame) -> bytes | None:
        """The message that this frame completes, if it does. Raises FrameError when it cannot come now."""
        kind, sequence, ack, body = frame
        if ack > self.acknowledged:
            self._confirm(ack)
        if kind > Kind.PART:
            return None
        self.owed += len(body) + HEADER.size
        if sequence <= self.received:
            return None
        if sequence != self.received + 1:
            raise FrameError(f"part {sequence} came after part {self.received}")
        self.received = sequence
        if kind == Kind.PART:
            self._parts.append(body)
            return None
        if not self._parts:
            return body
        parts, self._parts = [*self._parts, body], []
        return b"".join(parts)

    def resume(self, peer_received: int) -> None:
        """Begin anew on another connection, with what follows the part `peer_received`. Raises ResumeError."""
        if not self.acknowledged <= peer_received <= self.numbered:
            raise ResumeError(
                f"the other end says that it has received {peer_received} parts, but {self.numbered} were sent and it "
                f"had confirmed {self.acknowledged}: it is another process than before, and needs a channel of its own"
            )
        self._waiting.extendleft(reversed(self._flying))
        self._flying.clear()
        self._controls.clear()
        self._confirm(peer_received)

    def _confirm(self, ack: int) -> None:
        if ack > self.numbered:
            raise FrameError(f"part {ack} was confirmed, but only {self.numbered} were sent")
        for parts in (self._flying, self._waiting):
            while parts and parts[0][1] <= ack:
                self.unacknowledged -= len(parts.popleft()[2])
        self.acknowledged = max(self.acknowledged, ack)
