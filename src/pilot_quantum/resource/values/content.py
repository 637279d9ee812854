"""How a value looks as bytes: its pickle, with large buffers (of arrays) beside it, usable where they lie.

A value without such buffers is its pickle alone. Else: a header, the pickle, and the buffers, each aligned.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
from collections.abc import Sequence
from typing import Any

Part = bytes | bytearray | memoryview

MAGIC = b"\0PQV"
"""What no pickle begins with."""
ALIGNMENT = 64
"""Bytes: what vector instructions like, and any type of an array is content with."""
_HEAD = struct.Struct("<4sI")
_PART = struct.Struct("<QQ?7x")


def lay_out(stream: bytes, buffers: Sequence[memoryview], *, frozen: bool) -> list[Part]:
    """The parts of the content, one after the other. frozen: who loads it may not write into the buffers."""
    if not buffers:
        return [stream]
    views = [memoryview(stream), *buffers]
    at = _HEAD.size + _PART.size * len(views)
    header = bytearray(_HEAD.pack(MAGIC, len(views)))
    laid: list[Part] = [header]
    for view in views:
        gap = -at % ALIGNMENT
        header += _PART.pack(at + gap, view.nbytes, frozen or view.readonly)
        if gap:
            laid.append(bytes(gap))
        laid.append(view)
        at += gap + view.nbytes
    return laid


def digest_of(parts: Sequence[Part]) -> str:
    """The hash by which a content is known."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def is_frozen(data: Any) -> bool:
    """Whether who loads this content has no buffer in it to write to."""
    return all(readonly for _, _, readonly in _table(memoryview(data)))


def load(data: Any) -> Any:
    """The value of a content: bytes, or a writable mapping that is nobody else's. Raises what unpickling raises."""
    view = memoryview(data)
    table = _table(view)
    if not table:
        return pickle.loads(view)
    if view.readonly and not all(readonly for _, _, readonly in table):
        view = memoryview(bytearray(view))
    stream, *buffers = (
        view[at : at + size].toreadonly() if readonly else view[at : at + size] for at, size, readonly in table
    )
    return pickle.loads(stream, buffers=buffers)


def _table(view: memoryview) -> list[tuple[int, int, bool]]:
    """Where the parts begin, how long they are, whether they are read-only; of a pickle alone, nothing."""
    if view[: len(MAGIC)] != MAGIC:
        return []
    _, count = _HEAD.unpack_from(view)
    return [_PART.unpack_from(view, _HEAD.size + _PART.size * index) for index in range(count)]
