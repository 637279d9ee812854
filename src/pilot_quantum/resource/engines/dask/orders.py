"""What the engine tells the processes that it starts: by their environment, where only their owner can look."""

from __future__ import annotations

import os

import msgspec

from pilot_quantum.resource.engines.dask.identity import Identity

VARIABLE = "PILOT_QUANTUM_DASK"


class Orders(msgspec.Struct, frozen=True):
    """host: the IP to listen on. scheduler, engine: addresses to connect to. directory: private, on the local disk."""

    certificate: str
    key: str
    host: str
    port: int
    scheduler: str
    engine: str
    name: str
    directory: str

    def __repr__(self) -> str:
        return f"Orders(name={self.name!r})"

    @property
    def identity(self) -> Identity:
        """The cluster's certificate and key."""
        return Identity(self.certificate, self.key)

    def environment(self) -> dict[str, str]:
        """The change to a process's environment that hands these on."""
        return {VARIABLE: msgspec.json.encode(self).decode()}


def take() -> Orders:
    """The orders of this process, which those that it starts shall not see."""
    return msgspec.json.decode(os.environ.pop(VARIABLE), type=Orders)
