"""A loop that runs while a test waits for something; and a wire that can be cut without either end being told."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

LIMIT = 30.0
"""Seconds after which a test that hangs fails; nothing is measured with it."""


class Loop:
    """The part of the `Loop` protocol that channels use."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()
        self.turns = 0

    @property
    def watched(self) -> int:
        return len(self._selector.get_map())

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask, ready)
        else:
            self._selector.register(fd, mask, ready)

    def unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._count), fn))

    def call_soon(self, fn: Callable[[], None]) -> None:
        self._calls.append(fn)

    def turn(self, patience: float = 0.05) -> None:
        self.turns += 1
        if self._timers:
            patience = max(0.0, min(patience, self._timers[0][0] - time.monotonic()))
        for key, _ in self._selector.select(0 if self._calls else patience):
            key.data()
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def until(self, condition: Callable[[], object], what: str = "what was awaited") -> None:
        deadline = time.monotonic() + LIMIT
        while not condition():
            self.turn()
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come")

    def close(self) -> None:
        self._selector.close()


class Wire:
    """A TCP proxy in threads of its own, in front of `port`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._links: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self.connections += 1
            self._links += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                if source not in self._silent:
                    sink.sendall(data)
        except OSError:
            pass
        if source not in self._silent:
            for link in (source, sink):
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """From now on the connections that there are lose every byte, and nobody is told."""
        self._silent.update(self._links)

    def cut(self) -> None:
        """Break all connections."""
        for link in list(self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.cut()
        for link in self._links:
            link.close()
