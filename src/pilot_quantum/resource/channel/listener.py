"""Where agents knock: TLS, a token, and one answer; a stranger costs a descriptor for ten seconds at most."""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from pilot_quantum.resource.channel.credentials import TOKEN, Credentials
from pilot_quantum.resource.channel.handshake import (
    DEADLINE,
    HandshakeError,
    Hello,
    Refused,
    Welcome,
    hear,
    say,
)
from pilot_quantum.resource.channel.steps import Conversation, Steps
from pilot_quantum.resource.engines.events import Loop

Address = tuple[str, int]
Accept = Callable[[Hello], Welcome | Refused]
"""Decides about an agent whose token was right."""
Connected = Callable[[Hello, socket.socket], None]
"""Takes the stream of an agent that was welcomed: `channel.attach(link, hello.received)`."""

_GUESTS = 128
"""Handshakes under way at the same time; the oldest gives way to the next."""
_BREATH = 1.0
"""Seconds without accepting after the system had no descriptor left."""
_NOBODY = secrets.token_bytes(TOKEN)


@dataclass(frozen=True, slots=True)
class _Expected:
    token: bytes = field(repr=False)
    accept: Accept
    connected: Connected


_Guest = tuple[Hello, Connected]


class Listener:
    """Listens for agents on one address. `noted(line)` hears whom it turned away and why, without any secret.

    Raises OSError when the address cannot be had.
    """

    def __init__(
        self,
        loop: Loop,
        credentials: Credentials,
        bind: str = "127.0.0.1",
        port: int = 0,
        *,
        noted: Callable[[str], None] | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._loop = loop
        self._context = credentials.server_context()
        self._noted = noted
        self._deadline = deadline
        self._expected: dict[str, _Expected] = {}
        self._guests: dict[Conversation[_Guest], None] = {}
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        self._socket = socket.create_server((bind, port), family=family, backlog=128)
        self._socket.setblocking(False)
        self.host = bind
        self.port: int = self._socket.getsockname()[1]
        self._closed = False
        self._listen()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where agents may dial."""
        if self.host not in ("0.0.0.0", "::"):  # noqa: S104 - only asked, not bound
            return ((self.host, self.port),)
        return tuple((host, self.port) for host in _own_addresses(self._socket.family))

    def expect(self, allocation: str, token: bytes, accept: Accept, connected: Connected) -> None:
        """Let the agent of this allocation in, whenever it comes, and again after its connection broke."""
        self._expected[allocation] = _Expected(token, accept, connected)

    def forget(self, allocation: str) -> None:
        """Refuse this allocation's agent from now on."""
        self._expected.pop(allocation, None)

    def adopt(self, link: socket.socket) -> None:
        """Treat a stream that was connected by other means as one that was accepted."""
        self._greet(link, "a connected stream")

    def close(self) -> None:
        """Listen no more, and drop those who have not been let in."""
        if not self._closed:
            self._closed = True
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            for guest in list(self._guests):
                guest.cancel()
            self._guests.clear()

    def _listen(self) -> None:
        if not self._closed:
            self._loop.watch(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_GUESTS):  # at most, before others have their turn on the loop
            if self._closed:
                return
            try:
                link, address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._note(f"no connection can be accepted for {_BREATH:g} s: {error}")
                self._loop.unwatch(self._socket.fileno())
                self._loop.call_later(_BREATH, self._listen)
                return
            self._greet(link, str(address[0]))

    def _greet(self, link: socket.socket, peer: str) -> None:
        if len(self._guests) >= _GUESTS:
            oldest = next(iter(self._guests))
            del self._guests[oldest]
            oldest.cancel()

        def done(guest: _Guest, link: socket.socket) -> None:
            del self._guests[conversation]
            hello, connected = guest
            connected(hello, link)

        def failed(why: str) -> None:
            del self._guests[conversation]
            self._note(f"{peer} was turned away: {why}")

        conversation: Conversation[_Guest] = Conversation(self._loop, link, self._deadline, done, failed)
        self._guests[conversation] = None
        conversation.begin(_admit(conversation, self._expected.get, self._context))

    def _note(self, line: str) -> None:
        if self._noted is not None:
            self._noted(line)


class Acceptance:
    """The same handshake, without TLS, on one stream that is private already: ssh's stdio, a socket pair.

    `failed(cause)`, with the link closed: nothing came within `deadline` seconds, or not what should.
    """

    def __init__(
        self,
        loop: Loop,
        link: socket.socket,
        allocation: str,
        token: bytes,
        accept: Accept,
        connected: Connected,
        failed: Callable[[str], None],
        *,
        deadline: float = DEADLINE,
    ) -> None:
        expected = {allocation: _Expected(token, accept, connected)}

        def done(guest: _Guest, link: socket.socket) -> None:
            hello, connected = guest
            connected(hello, link)

        self._conversation: Conversation[_Guest] = Conversation(loop, link, deadline, done, failed)
        self._conversation.begin(_admit(self._conversation, expected.get, None))

    def cancel(self) -> None:
        """Close the link, unless it has been handed over; nothing is called back."""
        self._conversation.cancel()


def _admit(
    conversation: Conversation[_Guest], expected: Callable[[str], _Expected | None], context: ssl.SSLContext | None
) -> Steps[_Guest]:
    if context is not None:
        yield from conversation.wrap(context, server=True)
    hello = yield from hear(conversation.link)
    if not isinstance(hello, Hello):
        raise HandshakeError("it did not begin with a Hello")
    entry = expected(hello.allocation)
    known = hmac.compare_digest(entry.token if entry is not None else _NOBODY, hello.token)
    if entry is None or not known:
        answer: Welcome | Refused = Refused(
            "this allocation is not expected here, or not with this token: its session has given it up, or is another."
        )
    else:
        answer = entry.accept(hello)
    yield from say(conversation.link, answer)
    if entry is None or isinstance(answer, Refused):
        with contextlib.suppress(OSError):
            conversation.link.shutdown(socket.SHUT_WR)
        raise HandshakeError(answer.why if isinstance(answer, Refused) else "")
    return hello, entry.connected


def _own_addresses(family: int) -> list[str]:
    """The addresses of this host, loopback last."""
    import psutil

    found: list[str] = []
    for entries in psutil.net_if_addrs().values():
        found += [entry.address for entry in entries if entry.family == family and "%" not in entry.address]
    return sorted(found, key=lambda host: host.startswith("127.") or host == "::1")
