"""The messages between the session, the guard and the workers, and their frames on a stream."""

from __future__ import annotations

import struct

import msgspec

from pilot_quantum.resource.values.file import plain

LENGTH = struct.Struct("<Q")
LONGEST = 1 << 40
"""Bytes: a length above is no length but garbage."""

ParcelRow = tuple[int, int, bytes, tuple[bytes, ...]]
OutcomeRow = tuple[int, int, float, float, bool]
DoneRow = tuple[OutcomeRow, bytes, tuple[int, int, int, int] | None]


class Function(msgspec.Struct, tag="function", array_like=True, frozen=True):
    """A pickled function, sent to a worker once."""

    digest: str
    blob: bytes


class Tasks(msgspec.Struct, tag="tasks", array_like=True, frozen=True):
    """Tasks for the worker, rows of (task, attempt, payload, inputs), and the slot they share.

    hosts: the nodes of a gang, "name=address" each, the worker's own first; else empty.
    """

    function: str
    cores: int
    gpus: str
    rows: list[ParcelRow]
    hosts: list[str] = []


class Withdraw(msgspec.Struct, tag="withdraw", array_like=True, frozen=True):
    """Take these (task, attempt) back if they have not begun."""

    items: list[tuple[int, int]]


class Hello(msgspec.Struct, tag="hello", array_like=True, frozen=True):
    """The worker is ready."""

    pid: int


class Report(msgspec.Struct, tag="report", array_like=True, frozen=True):
    """What has ended: rows of (outcome, payload, output); and what runs now: (task, attempt, began)."""

    rows: list[DoneRow]
    began: tuple[int, int, float] | None


class Withdrawn(msgspec.Struct, tag="withdrawn", array_like=True, frozen=True):
    """These (task, attempt) had not begun and will not."""

    items: list[tuple[int, int]]


class Stillborn(msgspec.Struct, tag="stillborn", array_like=True, frozen=True):
    """The worker cannot start, and why."""

    why: str


class Start(msgspec.Struct, tag="start", array_like=True, frozen=True):
    """To the guard: fork a worker on the socket that comes with this message, or start the program
    `argv`, whose stdin that is then.

    Names and paths are bytes, as the system has them. `environ` holds what differs from the guard's own environment;
    None removes a variable. `mark` tells whose the worker's processes are.
    """

    worker: str
    generation: int
    mark: str
    environ: list[tuple[bytes, bytes | None]]
    directory: bytes
    path: list[bytes]
    stdout: bytes
    stderr: bytes
    argv: list[bytes] = []


class Kill(msgspec.Struct, tag="kill", array_like=True, frozen=True):
    """To the guard: end this worker and all that it started."""

    worker: str
    generation: int


class Sweep(msgspec.Struct, tag="sweep", array_like=True, frozen=True):
    """To the guard: end every process of this host that bears exactly this mark."""

    mark: str


class Remove(msgspec.Struct, tag="remove", array_like=True, frozen=True):
    """To the guard: this directory is to be gone when all is over."""

    directory: str


class Exited(msgspec.Struct, tag="exited", array_like=True, frozen=True):
    """From the guard: the worker's process has ended, in words."""

    worker: str
    generation: int
    how: str


encode = msgspec.msgpack.Encoder(enc_hook=plain).encode
decode_for_worker = msgspec.msgpack.Decoder(Function | Tasks | Withdraw).decode
decode_from_worker = msgspec.msgpack.Decoder(Hello | Report | Withdrawn | Stillborn).decode
decode_for_guard = msgspec.msgpack.Decoder(Start | Kill | Sweep | Remove).decode
decode_from_guard = msgspec.msgpack.Decoder(Exited).decode


class FrameError(ValueError):
    """What arrived is no frame: somebody else has written to the stream."""


class Frames:
    """Cuts a byte stream into messages, each preceded by its length."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, in order. Raises FrameError when it cannot be a frame."""
        buffer = self._buffer
        buffer += data
        messages, at, size = [], 0, len(buffer)
        while size - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, at)
            if length > LONGEST:
                raise FrameError(f"a frame of {length} bytes was announced")
            end = at + LENGTH.size + length
            if end > size:
                break
            messages.append(bytes(memoryview(buffer)[at + LENGTH.size : end]))
            at = end
        if at:
            del buffer[:at]
        return messages


def frame(message: msgspec.Struct) -> bytes:
    """`message` encoded and preceded by its length."""
    body = encode(message)
    return LENGTH.pack(len(body)) + body
