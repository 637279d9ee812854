"""Where tasks of this node ask their agent to run a program on another node of the allocation, as launchers of MPI do.

One connection to a unix socket is one program: it is ended when the connection closes.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.reach import AGENT

_LONGEST = 100
"""Bytes that a unix socket's path may have, nearly."""
_REQUEST = 1 << 20
"""Bytes of a request at most."""


class Carrier(Protocol):
    """Who has programs run on other nodes."""

    def start(
        self, number: int, host: str, argv: Sequence[str], environ: Mapping[str, str], ended: Callable[[str], None]
    ) -> None:
        """Start a program there; `ended(how)` when it has ended, or could not be started."""

    def end(self, number: int) -> None:
        """End it with all that it started."""


class Desk:
    """Serves the tasks of this node; they find it by an environment variable, set by `open`."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._own: Path | None = None

    async def open(self, directory: Path) -> None:
        """Take requests at a socket in this private directory. Raises OSError."""
        if len(os.fsencode(directory / "desk")) > _LONGEST:
            directory = self._own = Path(tempfile.mkdtemp(prefix="pilot-quantum-", dir="/tmp"))  # private, and short
        path = directory / "desk"
        self._server = await asyncio.start_unix_server(self._serve, path, limit=_REQUEST)
        os.environ[AGENT] = str(path)

    def close(self) -> None:
        """Take no more requests."""
        if self._server is not None:
            self._server.close()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(await reader.readline(), type=_Request)
            how = await self._run(request, reader)
            writer.write(how.replace("\n", " ").encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError) as error:  # of one task's making, and no reason to end
            print(f"pilot-quantum agent: a request of a task: {error}", file=sys.stderr, flush=True)
        finally:
            writer.close()

    async def _run(self, request: _Request, reader: asyncio.StreamReader) -> str:
        """Have it run until it ends, or nobody waits for it any more; how it ended."""
        number = next(self._numbers)
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        gone = asyncio.ensure_future(reader.read(1))

        def ended(how: str) -> None:
            if not over.done():
                over.set_result(how)

        self._carrier.start(number, request.host, request.argv, request.environ, ended)
        try:
            either: set[asyncio.Future[Any]] = {over, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return over.result() if over.done() else "nobody waits for it"
        finally:
            gone.cancel()
            if not over.done():
                self._carrier.end(number)


class Upward:
    """The carrier on a further node: the head agent does it."""

    def __init__(self, tell: Callable[[m.Up], None]) -> None:
        self._tell = tell
        self._waiting: dict[int, Callable[[str], None]] = {}

    def start(
        self, number: int, host: str, argv: Sequence[str], environ: Mapping[str, str], ended: Callable[[str], None]
    ) -> None:
        """Ask for a program."""
        self._waiting[number] = ended
        self._tell(m.Reach(number, host, list(argv), dict(environ)))

    def end(self, number: int) -> None:
        """Ask for its end."""
        if self._waiting.pop(number, None) is not None:
            self._tell(m.Release(number))

    def ended(self, number: int, how: str) -> None:
        """The head agent's answer."""
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting(how)


class _Request(msgspec.Struct):
    host: str
    argv: list[str]
    environ: dict[str, str]
