"""What travels on a connection: frames of (kind, sequence, acknowledgement, body)."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

HEADER = struct.Struct("<BxxxIQQ")
LARGEST = 1 << 18
"""Bytes of a frame's body at most: a longer message is cut, so that heartbeats and acknowledgements pass between."""


class Kind(IntEnum):
    """What a frame is."""

    LAST = 1
    """A message, or its last part."""
    PART = 2
    """A part of a message, and more follows."""
    ACK = 3
    """Only what its header acknowledges."""
    BEAT = 4
    """A sign of life, with the sender's clock."""


class Frame(NamedTuple):
    """One frame. `sequence` numbers parts of messages from 1 on; `ack` is the last one that the sender has received."""

    kind: int
    sequence: int
    ack: int
    body: bytes


class FrameError(ValueError):
    """What arrived is no frame, or not the one that must come now."""


class Cutter:
    """Cuts the bytes of one connection into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order. Raises FrameError when it cannot be a frame."""
        buffer = self._buffer
        buffer += data
        frames, at, size = [], 0, len(buffer)
        with memoryview(buffer) as view:
            while size - at >= HEADER.size:
                kind, length, sequence, ack = HEADER.unpack_from(buffer, at)
                if length > LARGEST or not Kind.LAST <= kind <= Kind.BEAT:
                    raise FrameError(f"what arrived is no frame: kind {kind}, {length} bytes")
                begin = at + HEADER.size
                if begin + length > size:
                    break
                at = begin + length
                frames.append(Frame(kind, sequence, ack, bytes(view[begin:at])))
        if at:
            del buffer[:at]
        return frames
