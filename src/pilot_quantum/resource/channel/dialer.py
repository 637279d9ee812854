"""The agent's end: finds its session, again after every break, for as long as the grace time lasts."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence

from pilot_quantum.resource.channel.handshake import DEADLINE, HandshakeError, Hello, Refused, Welcome, hear, say
from pilot_quantum.resource.channel.steps import Conversation, Steps, connect
from pilot_quantum.resource.engines.events import Loop

Address = tuple[str, int]
"""A host, by number or name, and a port."""
GRACE = 60.0
"""Seconds without a connection after which an agent is on its own."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_CONNECT = 5.0
"""Seconds for which an address that does not answer is waited for."""
_Answer = Welcome | Refused


class Dialer:
    """Dials `addresses` in turn until one welcomes us; without addresses, waits to be given a stream (`greet`).

    Then `connected(welcome, link)` is called; or `refused(why)`, for good; or `lost(cause)`, `grace` seconds after
    `start` or `redial`.
    """

    def __init__(
        self,
        loop: Loop,
        addresses: Sequence[Address],
        context: ssl.SSLContext | None,
        hello: Callable[[], Hello],
        connected: Callable[[Welcome, socket.socket], None],
        refused: Callable[[str], None],
        lost: Callable[[str], None],
        *,
        grace: float = GRACE,
    ) -> None:
        if addresses and context is None:
            raise ValueError("addresses are dialled with TLS: give the context that pins the session's certificate")
        self._loop = loop
        self._addresses = list(addresses)
        self._context = context
        self._hello = hello
        self._connected = connected
        self._refused = refused
        self._lost = lost
        self._grace = grace
        self._attempt: Conversation[None] | Conversation[_Answer] | None = None
        self._round = 0
        """Counts searches and greetings; what belongs to an earlier one has nothing more to say."""
        self._searching = False
        self._search = object()
        self._closed = False
        self._tries = 0
        self._trouble = ""

    def start(self) -> None:
        """Begin to search; the grace time starts."""
        if self._closed or self._searching:
            return
        self._searching = True
        self._tries, self._trouble = 0, "nobody has called" if not self._addresses else "no answer"
        search = self._search = object()
        self._loop.call_later(self._grace, lambda: self._give_up(search))
        if self._attempt is None:  # else somebody called just now
            self._round += 1
            self._dial(self._round)

    def redial(self) -> None:
        """Search again, after a break."""
        self.start()

    def greet(self, link: socket.socket) -> None:
        """Introduce ourselves on a connected stream that is private already. Another user's is closed."""
        if self._closed or not _of_this_user(link):
            link.close()
            return
        self._stop_attempt()
        self._converse(link, None, "the stream")

    def close(self) -> None:
        """Search no more; nothing is called back."""
        self._closed, self._searching = True, False
        self._stop_attempt()

    def _give_up(self, search: object) -> None:
        if self._searching and search is self._search:
            self.close()
            self._lost(f"no connection to the session for {self._grace:g} s; the last attempt: {self._trouble}")

    def _stop_attempt(self) -> None:
        self._round += 1
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def _dial(self, turn: int) -> None:
        if not self._searching or turn != self._round or not self._addresses:
            return
        host, port = self._addresses[self._tries % len(self._addresses)]
        self._tries += 1
        numeric = _resolve(host, port, socket.AI_NUMERICHOST)
        if isinstance(numeric, list):
            self._dial_numeric(turn, numeric, host, port)
            return

        def look_up() -> None:
            found = _resolve(host, port, 0)
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                self._loop.call_soon(lambda: self._dial_numeric(turn, found, host, port))

        threading.Thread(target=look_up, name="pilot-quantum-resolver", daemon=True).start()

    def _dial_numeric(self, turn: int, found: list[tuple[int, Address]] | str, host: str, port: int) -> None:
        if not self._searching or turn != self._round:
            return
        if isinstance(found, str):
            self._again(turn, f"{host}: {found}")
            return
        family, address = found[(self._tries // max(1, len(self._addresses))) % len(found)]
        try:
            link = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._again(turn, str(error))
            return
        self._connect(link, address, f"{host}:{port}")

    def _again(self, turn: int, trouble: str) -> None:
        self._trouble = trouble
        # Alike agents that lost the same session come back one by one.
        doublings = min(8, self._tries // max(1, len(self._addresses)))
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**doublings) * random.uniform(0.5, 1.0)  # noqa: S311
        self._loop.call_later(pause, lambda: self._dial(turn))

    def _connect(self, link: socket.socket, address: Address, name: str) -> None:
        def done(_: None, link: socket.socket) -> None:
            self._converse(link, self._context, name)

        attempt: Conversation[None] = Conversation(self._loop, link, _CONNECT, done, self._fail(name))
        self._attempt = attempt
        attempt.begin(connect(link, address))

    def _converse(self, link: socket.socket, context: ssl.SSLContext | None, name: str) -> None:
        def done(answer: _Answer, link: socket.socket) -> None:
            self._attempt = None
            if isinstance(answer, Refused):
                link.close()
                self.close()
                self._refused(answer.why)
                return
            self._searching = False
            self._connected(answer, link)

        attempt: Conversation[_Answer] = Conversation(self._loop, link, DEADLINE, done, self._fail(name))
        self._attempt = attempt
        attempt.begin(self._introduce(attempt, context))

    def _fail(self, name: str) -> Callable[[str], None]:
        turn = self._round

        def failed(why: str) -> None:
            self._attempt = None
            self._again(turn, f"{name}: {why}")

        return failed

    def _introduce(self, attempt: Conversation[_Answer], context: ssl.SSLContext | None) -> Steps[_Answer]:
        if context is not None:
            yield from attempt.wrap(context, server=False)
        yield from say(attempt.link, self._hello())
        answer = yield from hear(attempt.link)
        if isinstance(answer, Hello):
            raise HandshakeError("it is an agent, not a session")
        return answer


def _resolve(host: str, port: int, flags: int) -> list[tuple[int, Address]] | str:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        return error.strerror or str(error)
    return [(row[0], (str(row[4][0]), int(row[4][1]))) for row in rows]


def _of_this_user(link: socket.socket) -> bool:
    """Whether the other end of a unix stream belongs to the same user; streams of other kinds come from ourselves."""
    if link.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid in (os.geteuid(), 0)
