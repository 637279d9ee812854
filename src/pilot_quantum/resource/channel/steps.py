"""A conversation on a non-blocking stream, written as a generator that says what it waits for."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from pilot_quantum.resource.engines.events import Loop

T = TypeVar("T")

READ, WRITE = False, True
Steps = Generator[bool, None, T]
"""Yields READ or WRITE, whichever it waits for; returns what came of it. Raises OSError when it cannot go on."""


class Conversation(Generic[T]):
    """Drives one, for `deadline` seconds at most; then `done(result)` or `failed(why)` is called, once.

    After `failed` the link is closed; after `done` it belongs to the caller. Until then `link` may be replaced by the
    steps themselves, through `wrap`.
    """

    def __init__(
        self,
        loop: Loop,
        link: socket.socket,
        deadline: float,
        done: Callable[[T, socket.socket], None],
        failed: Callable[[str], None],
    ) -> None:
        link.setblocking(False)
        self._loop = loop
        self.link = link
        self._fd = link.fileno()
        self._done = done
        self._failed = failed
        self._steps: Steps[T] | None = None
        self._deadline = deadline

    def begin(self, steps: Steps[T]) -> None:
        """Take the first step."""
        self._steps = steps
        self._loop.call_later(self._deadline, lambda: self._fail(f"no answer within {self._deadline:g} s"))
        self._loop.call_soon(self._step)

    def cancel(self) -> None:
        """End it without a word."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None
            self._loop.unwatch(self._fd)
            self.link.close()

    def wrap(self, context: ssl.SSLContext, server: bool) -> Steps[None]:
        """TLS from here on."""
        # The context makes a new socket object of the same descriptor, which goes on being watched.
        link = context.wrap_socket(self.link, server_side=server, do_handshake_on_connect=False)
        self.link = link
        yield from patiently(link.do_handshake)

    def _step(self) -> None:
        steps = self._steps
        if steps is None:
            return
        try:
            waits = next(steps)
        except StopIteration as end:
            self._steps = None
            self._loop.unwatch(self._fd)
            self._done(end.value, self.link)
        except (OSError, ValueError) as error:  # ValueError: TLS on a stream that has just closed
            self._fail(getattr(error, "strerror", None) or str(error))
        else:
            self._loop.watch(self._fd, self._step, write=waits)

    def _fail(self, why: str) -> None:
        if self._steps is not None:
            self.cancel()
            self._failed(why)


def patiently(fn: Callable[[], T]) -> Steps[T]:
    """What `fn` returns, once the stream is ready for it."""
    while True:
        try:
            return fn()
        except (BlockingIOError, ssl.SSLWantReadError):
            yield READ
        except ssl.SSLWantWriteError:
            yield WRITE


def write(link: socket.socket, data: bytes) -> Steps[None]:
    """Write all of it."""
    view = memoryview(data)
    while view:
        try:
            view = view[link.send(view) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            yield WRITE
        except ssl.SSLWantReadError:
            yield READ


def read_some(link: socket.socket, size: int) -> Steps[bytes]:
    """From one to `size` bytes. Raises ConnectionError at the stream's end."""
    piece = yield from patiently(lambda: link.recv(size))
    if not piece:
        raise ConnectionError("the other end closed the connection")
    return piece


def read(link: socket.socket, size: int) -> Steps[bytes]:
    """Exactly `size` bytes: what follows them is for somebody else. Raises ConnectionError at the stream's end."""
    data = b""
    while len(data) < size:
        data += yield from read_some(link, size - len(data))
    return data


def connect(link: socket.socket, address: tuple[str, int]) -> Steps[None]:
    """Connect to a numeric address."""
    with contextlib.suppress(BlockingIOError):
        link.connect(address)
        return
    while True:
        yield WRITE
        error = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        with contextlib.suppress(OSError):
            link.getpeername()
            return
