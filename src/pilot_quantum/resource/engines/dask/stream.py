"""Messages over one of Dask's connections, in order; what waits goes out together."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

from distributed.comm.core import Comm
from distributed.protocol.serialize import to_serialize

_INLINE = 1 << 16
"""Bytes: a longer message travels as a frame of its own, which nobody copies into another."""


class Stream:
    """One connection. Used on its loop's thread only."""

    def __init__(self, comm: Comm) -> None:
        self._comm = comm
        self._waiting: list[bytes] = []
        self._wake = asyncio.Event()

    def send(self, message: bytes) -> None:
        """Send `message` soon; it is lost with the connection."""
        self._waiting.append(message)
        self._wake.set()

    async def serve(self, receive: Callable[[bytes], None]) -> None:
        """Send and receive until the connection ends, which is no error here."""
        sender = asyncio.ensure_future(self._send())
        try:
            with contextlib.suppress(OSError):
                while True:
                    messages = deque(await self._comm.read())
                    while messages:  # none is held while the next are awaited: they can be large
                        receive(messages.popleft())
        finally:
            sender.cancel()
            self.close()

    def close(self) -> None:
        """Let the connection go at once."""
        self._comm.abort()

    async def _send(self) -> None:
        with contextlib.suppress(OSError):  # broken: reading tells
            while True:
                await self._wake.wait()
                self._wake.clear()
                messages, self._waiting = self._waiting, []
                await self._comm.write([_packed(message) for message in messages])
                del messages


def _packed(message: bytes) -> Any:
    return message if len(message) < _INLINE else to_serialize(message)
