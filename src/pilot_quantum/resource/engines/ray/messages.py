"""What the engine, its driver and its actors tell each other. The driver hands on what is for an actor unread."""

from __future__ import annotations

import msgspec

from pilot_quantum.resource.agent.messages import Blob, Drop
from pilot_quantum.resource.agent.wire import OutcomeRow, ParcelRow
from pilot_quantum.resource.values.file import plain

Row = tuple[OutcomeRow, bytes, tuple[bytes, bytes] | None]
"""An attempt's outcome, pickled value or error, and what it printed."""


class Bundle(msgspec.Struct, array_like=True, frozen=True):
    """To an actor: tasks to be run one after the other. `blob`: the function, where the actor has not had it yet.

    number: counted for each actor from 1. heard: all reports of ends of bundles up to this one have come.
    large: what was left out of the rows, see `agent.messages.Ship`. first: what must be taken before.
    """

    number: int
    heard: int
    function: str
    blob: bytes | None
    cores: int
    gpus: str
    hosts: list[str]
    rows: list[ParcelRow]
    large: list[tuple[int, int, str]] = []
    first: list[Blob | Drop] = []


class Report(msgspec.Struct, array_like=True, frozen=True):
    """From an actor: what has ended, and what runs now: (task, attempt, began). bundle: whose end it tells; else 0."""

    rows: list[Row]
    began: tuple[int, int, float] | None = None
    bundle: int = 0


class Spawn(msgspec.Struct, tag="spawn", array_like=True, frozen=True):
    """To the driver: make an actor on a node. `mark` is what the processes that its tasks start shall bear."""

    actor: int
    node: int
    mark: str
    directory: str


class Run(msgspec.Struct, tag="run", array_like=True, frozen=True):
    """To the driver: a bundle for an actor."""

    actor: int
    bundle: bytes


class Withdraw(msgspec.Struct, tag="withdraw", array_like=True, frozen=True):
    """To the driver: take back what has not begun, rows of (bundle, task, attempt)."""

    actor: int
    items: list[tuple[int, int, int]]


class End(msgspec.Struct, tag="end", array_like=True, frozen=True):
    """To the driver: kill this actor."""

    actor: int


class Cluster(msgspec.Struct, tag="cluster", array_like=True, frozen=True):
    """From the driver: the cluster's head can be joined at this address."""

    address: str


class Ready(msgspec.Struct, tag="ready", array_like=True, frozen=True):
    """From the driver: this actor is there, as process `pid` of its node."""

    actor: int
    pid: int


class Said(msgspec.Struct, tag="said", array_like=True, frozen=True):
    """From the driver: an actor's report."""

    actor: int
    report: bytes


class Withdrawn(msgspec.Struct, tag="withdrawn", array_like=True, frozen=True):
    """From the driver: these (task, attempt) had not begun and will not."""

    actor: int
    items: list[tuple[int, int]]


class Gone(msgspec.Struct, tag="gone", array_like=True, frozen=True):
    """From the driver: this actor has ended, and how."""

    actor: int
    how: str


class Failed(msgspec.Struct, tag="failed", array_like=True, frozen=True):
    """From the driver: it cannot go on, and why."""

    why: str


ToDriver = Spawn | Run | Withdraw | End
FromDriver = Cluster | Ready | Said | Withdrawn | Gone | Failed

encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
decode_for_driver = msgspec.msgpack.Decoder(ToDriver).decode
decode_from_driver = msgspec.msgpack.Decoder(FromDriver).decode
decode_bundle = msgspec.msgpack.Decoder(Bundle).decode
decode_report = msgspec.msgpack.Decoder(Report).decode
