"""The messages between a session and an agent, and between a head agent and those of its further nodes.

Times are monotonic seconds of the sender; the receiver adds the difference of the clocks.
"""

from __future__ import annotations

import msgspec

from pilot_quantum.resource.agent.wire import OutcomeRow, ParcelRow
from pilot_quantum.resource.site import Site
from pilot_quantum.resource.values.file import plain

SentRow = tuple[OutcomeRow, bytes, tuple[bytes, bytes] | None]
"""What an attempt left: outcome, pickled value or error (empty: it was lost with its worker), stdout and stderr."""


# Down: to the agent.


class Begin(msgspec.Struct, tag="begin", array_like=True, frozen=True):
    """Start the engine. first: the index of its first node.

    modules, digest: the directory of the modules beside the user's script, and its content hash; empty where there is
    none. A directory without a hash is taken as it is.
    """

    first: int
    modules: str = ""
    digest: str = ""


class Modules(msgspec.Struct, tag="modules", array_like=True, frozen=True):
    """The directory that was asked for, as a zip file."""

    digest: str
    data: bytes


class Function(msgspec.Struct, tag="function", array_like=True, frozen=True):
    """A pickled function, sent once."""

    digest: str
    blob: bytes


class Blob(msgspec.Struct, tag="blob", array_like=True, frozen=True):
    """A piece of a large argument, which is sent once; shipments refer to it until it is dropped. size: of all."""

    digest: str
    data: bytes
    size: int


class Drop(msgspec.Struct, tag="drop", array_like=True, frozen=True):
    """These blobs will not be referred to again before they are sent again."""

    digests: list[str]


class Ship(msgspec.Struct, tag="ship", array_like=True, frozen=True):
    """A shipment. hosts: what a gang's lead is told, where the sender knows it.

    large: (row, place, digest) of what was left out of the rows; place 0 is the payload, n the n-th input.
    keep: the results shall stay with the head agent; of those that do, `values.kept.Words` stand among the inputs.
    """

    worker: str
    function: str
    cores: int
    gpus: tuple[int, ...]
    nodes: tuple[int, ...]
    hosts: list[str]
    rows: list[ParcelRow]
    large: list[tuple[int, int, str]]
    keep: bool = False


class Fetch(msgspec.Struct, tag="fetch", array_like=True, frozen=True):
    """Send `size` bytes, from `begin` on, of a result that was kept."""

    task: int
    attempt: int
    begin: int
    size: int


class LetGo(msgspec.Struct, tag="letgo", array_like=True, frozen=True):
    """Nobody needs the kept results of these (task, attempt) any more."""

    items: list[tuple[int, int]]


class KeepNoMore(msgspec.Struct, tag="nomore", array_like=True, frozen=True):
    """Keep no more results from now on; said back by an agent that heeds it."""


class Revoke(msgspec.Struct, tag="revoke", array_like=True, frozen=True):
    """Take these (task, attempt) back where they have not begun."""

    worker: str
    items: list[tuple[int, int]]


class Kill(msgspec.Struct, tag="kill", array_like=True, frozen=True):
    """End a worker's process with all that it started."""

    worker: str
    cause: str


class Stop(msgspec.Struct, tag="stop", array_like=True, frozen=True):
    """End everything."""

    cause: str


class Start(msgspec.Struct, tag="start", array_like=True, frozen=True):
    """Start a program for an engine that lives elsewhere."""

    process: str
    generation: int
    argv: list[str]
    environ: dict[str, str]


class End(msgspec.Struct, tag="end", array_like=True, frozen=True):
    """End such a program, with all that it started."""

    process: str
    generation: int


class Sweep(msgspec.Struct, tag="sweep", array_like=True, frozen=True):
    """End every process of the node that bears this mark. nodes: upwards, where to."""

    mark: str
    nodes: tuple[int, ...] = ()


class Reached(msgspec.Struct, tag="reached", array_like=True, frozen=True):
    """What was asked for with `Reach` has ended."""

    number: int
    how: str


# Up: from the agent.


class Node(msgspec.Struct, tag="node", array_like=True, frozen=True):
    """A node is there, with what it has. address, directory, mark: for the head agent (it begins the node's marks)."""

    node: int
    host: str
    cores: int
    gpus: tuple[str, ...]
    qpus: int
    memory: int
    capabilities: list[str]
    versions: dict[str, str]
    ends_at: float | None
    address: str
    directory: str
    mark: str
    site: Site | None = None


class NodesLost(msgspec.Struct, tag="lost", array_like=True, frozen=True):
    """These nodes are gone."""

    nodes: list[int]
    cause: str
    charged: bool


class Listening(msgspec.Struct, tag="listening", array_like=True, frozen=True):
    """The head agent waits for the agents of further nodes; how they are to be configured (JSON)."""

    config: bytes


class WorkerUp(msgspec.Struct, tag="up", array_like=True, frozen=True):
    """A worker is ready."""

    worker: str
    pid: int
    node: int


class WorkerLost(msgspec.Struct, tag="down", array_like=True, frozen=True):
    """A worker is gone."""

    worker: str
    cause: str


class Began(msgspec.Struct, tag="began", array_like=True, frozen=True):
    """A task has begun."""

    worker: str
    task: int
    attempt: int
    at: float


class Report(msgspec.Struct, tag="report", array_like=True, frozen=True):
    """What attempts have left."""

    worker: str
    rows: list[SentRow]


class Revoked(msgspec.Struct, tag="revoked", array_like=True, frozen=True):
    """These had not begun and will not."""

    worker: str
    items: list[tuple[int, int]]


class Expiring(msgspec.Struct, tag="expiring", array_like=True, frozen=True):
    """The allocation is about to end."""

    cause: str


class Ended(msgspec.Struct, tag="ended", array_like=True, frozen=True):
    """The engine has ended with all its workers: the agent's last word."""

    cause: str
    failed: bool


class WantModules(msgspec.Struct, tag="want", array_like=True, frozen=True):
    """There is no directory with this content here."""

    digest: str


class Exited(msgspec.Struct, tag="exited", array_like=True, frozen=True):
    """A program that was started for the head agent has ended."""

    process: str
    generation: int
    how: str


class Reach(msgspec.Struct, tag="reach", array_like=True, frozen=True):
    """A task wants a program run on another host of the allocation (its name or address)."""

    number: int
    host: str
    argv: list[str]
    environ: dict[str, str]


class Piece(msgspec.Struct, tag="piece", array_like=True, frozen=True):
    """A part of a kept result that was asked for; empty where it is not here. Parts come in the order of asking."""

    task: int
    attempt: int
    data: bytes


class Release(msgspec.Struct, tag="release", array_like=True, frozen=True):
    """It does not want it any more."""

    number: int


Down = (
    Begin
    | Modules
    | Function
    | Blob
    | Drop
    | Ship
    | Fetch
    | LetGo
    | KeepNoMore
    | Revoke
    | Kill
    | Stop
    | Start
    | End
    | Sweep
    | Reached
)
Up = (
    Node
    | NodesLost
    | Listening
    | WorkerUp
    | WorkerLost
    | Began
    | Report
    | Revoked
    | Expiring
    | Ended
    | WantModules
    | Exited
    | Sweep
    | Reach
    | Release
    | Piece
    | KeepNoMore
)

encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
decode_down = msgspec.msgpack.Decoder(Down).decode
decode_up = msgspec.msgpack.Decoder(Up).decode
