"""What the engine and a worker's process say to each other on a connection of their own, beside Dask's."""

from __future__ import annotations

import msgspec

from pilot_quantum.resource.agent.messages import Blob, Drop, SentRow
from pilot_quantum.resource.agent.wire import ParcelRow
from pilot_quantum.resource.values.file import plain


class Hello(msgspec.Struct, tag="hello", array_like=True, frozen=True):
    """The worker called `name` has joined the scheduler, at `address`."""

    name: str
    address: str
    pid: int


class Function(msgspec.Struct, tag="function", array_like=True, frozen=True):
    """A pickled function, sent to a process once."""

    digest: str
    blob: bytes


class Bundle(msgspec.Struct, tag="bundle", array_like=True, frozen=True):
    """The tasks of the bundle that Dask knows by `number`; `hosts` of a gang as "name=address".

    large: what was left out of the rows, see `agent.messages.Ship`.
    """

    number: int
    function: str
    cores: int
    gpus: str
    hosts: list[str]
    rows: list[ParcelRow]
    large: list[tuple[int, int, str]] = []


class Withdraw(msgspec.Struct, tag="withdraw", array_like=True, frozen=True):
    """Take these (task, attempt) back if they have not begun."""

    items: list[tuple[int, int]]


class Report(msgspec.Struct, tag="report", array_like=True, frozen=True):
    """What has ended, oldest first, and what runs now: (task, attempt, began)."""

    rows: list[SentRow]
    began: tuple[int, int, float] | None


class Withdrawn(msgspec.Struct, tag="withdrawn", array_like=True, frozen=True):
    """These (task, attempt) had not begun and will not."""

    items: list[tuple[int, int]]


encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
decode_for_worker = msgspec.msgpack.Decoder(Function | Bundle | Blob | Drop | Withdraw).decode
decode_from_worker = msgspec.msgpack.Decoder(Hello | Report | Withdrawn).decode
