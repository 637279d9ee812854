"""The agent's end of the channel to whom it works for: dialled, inherited, or served on a unix socket."""

from __future__ import annotations

import socket
from collections.abc import Callable

from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.channel.channel import Channel
from pilot_quantum.resource.channel.dialer import Dialer
from pilot_quantum.resource.channel.handshake import Hello, Welcome, facts, new_incarnation
from pilot_quantum.resource.engines.events import Loop


class Uplink:
    """Keeps the channel up for as long as that can be. server: a unix socket that listens, where it is served.

    receive: takes messages. refused(why): the other end does not want us. lost(cause): the grace time is over.
    """

    def __init__(
        self,
        config: AgentConfig,
        loop: Loop,
        server: socket.socket | None,
        receive: Callable[[bytes], None],
        refused: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        self._config = config
        self._loop = loop
        self._server = server
        self._lost = lost
        self._incarnation = new_incarnation()
        self.channel = Channel(loop, receive, self._changed, dead=config.dead)
        self._dialer = Dialer(
            loop,
            config.addresses,
            config.credentials.client_context() if config.addresses else None,
            self._hello,
            self._welcomed,
            refused,
            lost,
            grace=config.grace,
        )

    def start(self) -> None:
        """Make the connection."""
        self._dialer.start()
        if self._config.link is not None:
            self._dialer.greet(socket.socket(fileno=self._config.link))
        if self._server is not None:
            self._server.setblocking(False)
            self._loop.watch(self._server.fileno(), self._accept)

    def send(self, message: bytes) -> None:
        """Send a message, now or when there is a connection again."""
        self.channel.send(message)

    def last_word(self, message: bytes, over: Callable[[], None]) -> None:
        """Send the last message; `over()` is called when it has arrived."""
        self.channel.send(message)
        self.channel.on_acknowledged(over)

    def close(self) -> None:
        """End the conversation."""
        self._dialer.close()
        self.channel.close()
        if self._server is not None:
            self._loop.unwatch(self._server.fileno())
            self._server.close()

    def _hello(self) -> Hello:
        config = self._config
        return Hello(config.allocation, config.credentials.token, self._incarnation, self.channel.received, facts())

    def _welcomed(self, welcome: Welcome, link: socket.socket) -> None:
        self.channel.attach(link, welcome.received)

    def _changed(self, connected: bool, cause: str) -> None:
        if connected:
            return
        if self._config.link is not None:  # an inherited socket breaks when its other end is gone
            self._lost(cause)
        else:
            self._dialer.redial()

    def _accept(self) -> None:
        assert self._server is not None
        try:
            link, _ = self._server.accept()
        except OSError:
            return  # it went away again
        self._dialer.greet(link)
