"""A port that stays ours from now until the process that it is meant for listens on it."""

from __future__ import annotations

import socket


class ReservedPort:
    """A free port of `address`, bound but not listening: the kernel gives it only to who asks for it by number.

    So the address of a server can be told before the server is there, and all that use it start at once with it.
    """

    def __init__(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        # With it two may bind to one port as long as neither listens: the server binds while we still hold it.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, 0))
        host = f"[{address}]" if family == socket.AF_INET6 else address
        self.number: int = self._socket.getsockname()[1]
        self.url = f"tls://{host}:{self.number}"

    def release(self) -> None:
        """The server listens, or never will."""
        self._socket.close()
