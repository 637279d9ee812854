"""Frames between the engine and its driver, on a Unix socket in a private directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from pilot_quantum.resource.agent import wire


class Relay(asyncio.Protocol):
    """One end. `receive(message)` is called for each message, `closed()` when the other end is gone."""

    def __init__(self, receive: Callable[[bytes], None], closed: Callable[[], None]) -> None:
        self._receive = receive
        self._closed = closed
        self._frames = wire.Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection: send what waits."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.writelines(self._waiting)
        self._waiting = []

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        for message in self._frames.feed(data):
            self._receive(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is gone."""
        self._closed()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message; never blocks, what the socket does not take waits."""
        data = wire.frame(message)
        if self._transport is None:
            self._waiting.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()
