"""Large arguments, known by their content, so that each travels once to an agent however many tasks use it."""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from pilot_quantum.resource.agent.messages import Blob, Drop
from pilot_quantum.resource.agent.wire import ParcelRow
from pilot_quantum.resource.values.file import PIECE, Reference, Value
from pilot_quantum.resource.values.store import LARGE, Store

LIMIT = 512 << 20
"""Bytes of large arguments that an agent keeps beyond those that its tasks are using."""

Left = tuple[int, int, str]


class Sent:
    """The sender's account of what the other end keeps: the oldest unused go when it is too much."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, int] = OrderedDict()
        self._names: OrderedDict[int, tuple[bytes, str]] = OrderedDict()
        """id -> the bytes object, kept so that its identity stays its own, and its hash."""
        self._named = 0
        self._alive: dict[str, weakref.ref[Value]] = {}
        """The values that are kept here too: what is gone here, the other end need not keep."""

    def split(self, rows: Sequence[ParcelRow]) -> tuple[list[ParcelRow], list[Left], list[Blob]]:
        """The rows without what is large, where that was, and what must be sent before them."""
        kept, left, first = list(rows), list[Left](), list[Blob]()
        for index, (task, attempt, payload, inputs) in enumerate(kept):
            if not _is_large(payload) and not any(map(_is_large, inputs)):
                continue
            values = [payload, *inputs]
            for place, value in enumerate(values):
                if _is_large(value):
                    left.append((index, place, self._refer(value, first)))
                    values[place] = b""
            kept[index] = (task, attempt, values[0], tuple(values[1:]))
        return kept, left, first

    def settle(self) -> Drop | None:
        """After a shipment was sent: what the other end may forget."""
        gone = [digest for digest, value in self._alive.items() if value() is None]
        for digest in gone:
            self._size -= self._kept.pop(digest)
        while self._size > self._limit and len(self._kept) > 1:
            digest, size = self._kept.popitem(last=False)
            self._size -= size
            gone.append(digest)
        for digest in gone:
            self._alive.pop(digest, None)
        return Drop(gone) if gone else None

    def _refer(self, value: bytes, first: list[Blob]) -> str:
        known = value.value if isinstance(value, Reference) else None
        digest, size = (self._name(value), len(value)) if known is None else (known.digest, known.size)
        if digest in self._kept:
            self._kept.move_to_end(digest)
        else:
            self._kept[digest] = size
            self._size += size
            pieces = _pieces(value) if known is None else known.pieces()
            first += [Blob(digest, piece, size) for piece in pieces]  # type: ignore[arg-type]  # views, not copies
        if known is not None:
            self._alive[digest] = weakref.ref(known)
        return digest

    def _name(self, value: bytes) -> str:
        known = self._names.get(id(value))
        if known is not None:
            return known[1]
        digest = hashlib.blake2b(value, digest_size=16).hexdigest()
        self._names[id(value)] = (value, digest)
        self._named += len(value)
        while self._named > self._limit and len(self._names) > 1:
            _, (old, _) = self._names.popitem(last=False)
            self._named -= len(old)
        return digest


class Received:
    """The other end: keeps what has come, and puts it back where it was left out."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = Store() if store is None else store
        self._kept: dict[str, bytes] = {}
        self._coming: dict[str, Value | bytearray] = {}

    @property
    def digests(self) -> set[str]:
        """What is kept."""
        return set(self._kept)

    def take(self, blob: Blob) -> None:
        """A piece has come; those of one value come in order. Raises OSError when there is no room for it."""
        digest = blob.digest
        coming = self._coming.get(digest)
        if coming is None:
            value = self._store.open(digest, blob.size)
            coming = self._coming[digest] = bytearray() if value is None else value
        if isinstance(coming, Value):
            if coming.append(blob.data):
                self._kept[digest] = self._store.close(coming)
        else:
            coming += blob.data
            if len(coming) >= blob.size:
                self._kept[digest] = bytes(coming)
        if digest in self._kept:
            del self._coming[digest]

    def drop(self, drop: Drop) -> None:
        """Forget these; whoever still holds a reference to one keeps it."""
        for digest in drop.digests:
            self._kept.pop(digest, None)

    def restored(self, rows: list[ParcelRow], left: Sequence[Left]) -> list[ParcelRow]:
        """The rows with what was left out of them."""
        for index, place, digest in left:
            task, attempt, payload, inputs = rows[index]
            if place:
                rows[index] = (task, attempt, payload, (*inputs[: place - 1], self._kept[digest], *inputs[place:]))
            else:
                rows[index] = (task, attempt, self._kept[digest], inputs)
        return rows


def _is_large(value: bytes) -> bool:
    return len(value) >= LARGE or isinstance(value, Reference)


def _pieces(value: bytes) -> Iterable[memoryview]:
    view = memoryview(value)
    return (view[at : at + PIECE] for at in range(0, len(view), PIECE))
