"""What both ends of a conversation hold on to."""

from __future__ import annotations

import socket
from typing import Protocol


class MessageChannel(Protocol):
    """Messages both ways, in order, each exactly once, whatever happens to the connections below. Never blocks.

    Made with `receive(message)`, called for each message on the loop's thread, and `changed(connected, cause)`, called
    when a connection has been attached or lost.
    """

    @property
    def received(self) -> int:
        """The sequence number of the last message that was handed on: what the other end need not send again."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""

    def send(self, message: bytes) -> None:
        """Send a message, now or when a connection is there again."""

    def attach(self, link: socket.socket, peer_received: int) -> None:
        """Go on over this connected stream (plain or TLS); the peer has what came up to `peer_received`."""

    def detach(self, cause: str) -> None:
        """Let the connection go; messages wait for the next."""

    def close(self) -> None:
        """Send what is still to be sent if that is possible at once, and end."""
