"""What a batch launcher needs of the session's end of an agent."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from pilot_quantum.resource.engines.events import Engine
from pilot_quantum.resource.launchers.protocol import Request


class AgentEnd(Engine, Protocol):
    """An engine whose workers are an agent's."""

    def on_hello(self, callback: Callable[[], None]) -> None:
        """Call back whenever an agent has greeted, the first time or after a break."""

    def on_break(self, callback: Callable[[str], None]) -> None:
        """Call back, with the cause, whenever the connection broke."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back when the engine has ended."""

    def gone(self, cause: str, failed: bool) -> None:
        """The allocation is over."""

    def lost(self, cause: str) -> None:
        """The agent and its nodes are gone; another may come."""


class Configuration(Protocol):
    """What an agent must know; it holds secrets."""

    def to_json(self) -> bytes:
        """As the content of a file."""

    def dialling(self, addresses: tuple[tuple[str, int], ...]) -> Configuration:
        """The same, with other addresses (host, port) to dial."""


class Agents(Protocol):
    """Makes engines, and what their agents must know. Called from the loop's thread."""

    def engine(self, request: Request) -> AgentEnd:
        """The engine of an allocation."""

    def config(self, request: Request, address: str | None) -> Configuration:
        """What its agent must know; `address`: this machine's, as the agent reaches it."""

    def adopt(self, link: socket.socket) -> None:
        """An agent begins to speak over this stream, which reaches us by other ways than our own port."""
