"""What an agent must know to begin: a file for its owner alone, or the first line of its stdin."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import msgspec

from pilot_quantum.resource.channel.channel import DEAD
from pilot_quantum.resource.channel.credentials import Credentials

Spawn = Literal["auto", "srun", "pbsdsh", "launcher", "none"]


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's task. Its secrets are in `credentials`, which hide them.

    allocation: whose agent it is; on a further node "ALLOCATION@NODE". role: "head", or "node" for a further one.
    addresses: where to dial, (host, port) each; or link: an inherited descriptor; or serve: make a unix socket, print
    one line of JSON with its path, and detach.
    engine: what runs the tasks; "none" on a node that only starts programs for its head.
    nodes: how many there shall be; hosts: their names, the head's own first, where they are known; name: of this one.
    spawn: how the head starts the agents of further nodes: by the batch system that it finds ("auto"), or not at all
    because the session's launcher does ("launcher").
    cores, gpus, memory (bytes), qpus: asked for, of each node; exact: they are taken at their word.
    walltime: seconds that the allocation lasts from its beginning, where the batch system does not say it.
    directory: where to make the agent's own directory. listen: address that further nodes can reach.
    path: what comes first on the import path of tasks. tied: end with the parent process.
    grace: seconds for which a broken channel is bridged; dead: without a byte, after which its connection is taken for
    cut; patience: for which further nodes are waited for.
    """

    pilot: str
    allocation: str
    credentials: Credentials
    engine: str
    role: Literal["head", "node"] = "head"
    addresses: tuple[tuple[str, int], ...] = ()
    link: int | None = None
    serve: bool = False
    nodes: int = 1
    hosts: tuple[str, ...] = ()
    name: str = ""
    spawn: Spawn = "auto"
    cores: int | None = None
    gpus: int = 0
    memory: int | None = None
    qpus: int = 0
    capabilities: frozenset[str] = frozenset()
    exact: bool = False
    walltime: float | None = None
    directory: str | None = None
    listen: str | None = None
    path: tuple[str, ...] = ()
    tied: bool = True
    grace: float = 60.0
    dead: float = DEAD
    patience: float = 60.0

    def dialling(self, addresses: tuple[tuple[str, int], ...]) -> AgentConfig:
        """The same, with other addresses to dial."""
        return msgspec.structs.replace(self, addresses=addresses)

    def to_json(self) -> bytes:
        """As one line, secrets included: for a pipe or a private file."""
        return msgspec.json.encode(self)

    def write(self, path: Path) -> None:
        """Write it to a file that only its owner can read."""
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(handle, "wb") as file:
                file.write(self.to_json() + b"\n")
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, place: str) -> AgentConfig:
        """Read it from the file `place`, or from the first line of stdin ("-").

        Raises OSError, PermissionError where others may read the file, and ValueError when it is no configuration.
        """
        if place == "-":
            return _decode(sys.stdin.buffer.readline(), "stdin")
        path = Path(place)
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & 0o077 or status.st_uid != os.geteuid():
                raise PermissionError(f"{place} can be read by others, or is theirs: chmod 600 it.")
            return _decode(file.read(), place)


def _decode(data: bytes, place: str) -> AgentConfig:
    try:
        return msgspec.json.decode(data, type=AgentConfig)
    except msgspec.DecodeError as error:
        raise ValueError(f"{place} holds no agent's configuration: {error}") from None
