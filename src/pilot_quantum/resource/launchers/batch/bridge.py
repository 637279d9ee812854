"""A way for agents to a session that they cannot dial: through the login host, over ssh.

A small program on the login host takes one connection from the cluster and passes it through ssh's stdin and stdout.
TLS and token go end to end: neither the login host nor whoever else dials there sees or says anything that counts.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from pilot_quantum.resource.channel.bridge import LISTENING
from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.launchers.batch.system import BatchError
from pilot_quantum.resource.launchers.batch.threads import Threads
from pilot_quantum.resource.launchers.shell import Shell

_PROGRAM = ("-m", "pilot_quantum.resource.channel.bridge")
_WATCH = 1.0
"""Seconds between looks at whether ssh still runs."""
_BEGIN = 30.0
"""Seconds for the far end to say at which port it listens."""
_NOISE = 1 << 16
"""Bytes that may come before that."""
_OWN_ADDRESS = (
    "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
    "s.connect((sys.argv[1], 9)); print(s.getsockname()[0])"
)


class Stream(Protocol):
    """A program on another host, whose stdin and stdout are a socket here."""

    link: socket.socket
    process: Any

    def words(self) -> str:
        """What it said on stderr."""

    def end(self) -> None:
        """End it."""


@runtime_checkable
class PipeShell(Shell, Protocol):
    """A shell that can hold a conversation with a program."""

    def pipe(self, argv: list[str]) -> Any:
        """Start a program; its stream."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A far end that listens, and where."""

    stream: Any
    address: str
    port: int


def open_bridge(shell: PipeShell, interpreter: str, server: str, address: str = "", port: int = 0) -> Opened:
    """Start the far end: at this address, or the one from which the login host reaches `server`. Blocks.

    Raises BatchError and ShellError.
    """
    if not address:
        found = shell.run([interpreter, "-c", _OWN_ADDRESS, server or "localhost"])
        if not found.ok:
            raise BatchError(f"{shell.place} does not tell its address ({found.words.splitlines()[-1]}): give address=")
        address = found.stdout.strip()
    stream = shell.pipe([interpreter, *_PROGRAM, f"listen:{address}:{port}"])
    found_port, said = _port(stream)
    if found_port is None:
        words = stream.words() or said.decode(errors="replace")
        stream.end()
        stream.link.close()
        raise BatchError(f"nothing can listen on {address} of {shell.place}: {words}")
    return Opened(stream, address, found_port)


def _port(stream: Any) -> tuple[int | None, bytes]:
    """The port that the far end names, and not a byte after that line: what follows belongs to the agent.

    Lines before it are what the login shell's start-up files print. Where it does not come: None, and the last line.
    """
    deadline, line, size = monotonic() + _BEGIN, b"", 0
    while size < _NOISE:
        ready, _, _ = select.select([stream.link], [], [], max(0.0, deadline - monotonic()))
        byte = stream.link.recv(1) if ready else b""
        if not byte:
            break
        line = byte if line.endswith(b"\n") else line + byte
        size += 1
        if line.endswith(b"\n") and line.startswith(LISTENING):
            return int(line[len(LISTENING) :]), line
    return None, line


class LoginBridge:
    """Keeps a far end listening for one allocation's agent. Called on the loop's thread.

    adopt(link): take a stream over which an agent begins to speak.
    """

    def __init__(
        self, loop: Loop, threads: Threads, again: Callable[[Opened], Opened], adopt: Callable[[socket.socket], None]
    ) -> None:
        self._loop = loop
        self._threads = threads
        self._again = again
        self._adopt = adopt
        self._opened: Opened | None = None
        self._adopted = self._closed = False

    def use(self, opened: Opened) -> None:
        """Wait at this far end."""
        if self._closed:
            _end(opened, adopted=False)
            return
        self._opened, self._adopted = opened, False
        opened.stream.link.setblocking(False)
        self._loop.watch(opened.stream.link.fileno(), lambda: self._readable(opened))
        self._loop.call_later(_WATCH, lambda: self._look(opened))

    def renew(self) -> None:
        """The connection is broken: make another."""
        opened, self._opened = self._opened, None
        if opened is None or self._closed:
            return
        if not self._adopted:
            self._loop.unwatch(opened.stream.link.fileno())
        _end(opened, self._adopted)
        self._threads.run(lambda: self._again(opened), self.use, lambda _: self._retry(opened))

    def close(self) -> None:
        """End it."""
        self._closed = True
        if self._opened is not None:
            if not self._adopted:
                self._loop.unwatch(self._opened.stream.link.fileno())
            _end(self._opened, self._adopted)
            self._opened = None

    def _retry(self, opened: Opened) -> None:
        def again() -> None:
            if not self._closed:
                self._threads.run(lambda: self._again(opened), self.use, lambda _: self._retry(opened))

        self._loop.call_later(_WATCH, again)

    def _readable(self, opened: Opened) -> None:
        """The agent has begun, or ssh has ended: only now does the time for a greeting run."""
        if opened is not self._opened:
            return
        try:
            begun = opened.stream.link.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            begun = b""
        if not begun:
            self.renew()
            return
        self._loop.unwatch(opened.stream.link.fileno())
        self._adopted = True
        self._adopt(opened.stream.link)

    def _look(self, opened: Opened) -> None:
        if opened is not self._opened or self._closed:
            return
        if opened.stream.process.poll() is not None:
            self.renew()
        else:
            self._loop.call_later(_WATCH, lambda: self._look(opened))


def _end(opened: Opened, adopted: bool) -> None:
    opened.stream.end()
    if not adopted:  # else it is the channel's
        opened.stream.link.close()
