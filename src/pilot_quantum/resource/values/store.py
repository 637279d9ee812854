"""What a process keeps of large values: in memory up to a limit, beyond it on disk; equal ones once."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

from pilot_quantum.resource import machine
from pilot_quantum.resource.values.content import Part, digest_of
from pilot_quantum.resource.values.file import Reference, Value

LARGE = 64 << 10
"""Bytes from which a content gets a file; a smaller one travels as it is."""
MOST = 256
"""Files that a process keeps open for values at the same time; those beyond it travel as they are."""


class Store:
    """Makes values, and knows those that somebody still refers to: they go with the last reference.

    directory: where contents go when those in memory amount to more than `limit` bytes (by default a quarter of the
    machine's memory); without one all are in memory. May be used from any thread.
    """

    def __init__(self, directory: Path | None = None, limit: int | None = None, most: int = MOST) -> None:
        self._directory = directory
        self._limit = machine.memory() // 4 if limit is None else limit
        self._most = most
        self._lock = threading.Lock()
        self._values: weakref.WeakValueDictionary[str, Value] = weakref.WeakValueDictionary()

    @property
    def shares(self) -> bool:
        """Whether there is a file for one more value."""
        return _SHARED and len(self._values) < self._most

    @property
    def in_memory(self) -> int:
        """Bytes of contents that are in memory now."""
        return sum(value.size for value in list(self._values.values()) if value.in_memory)

    def keep(self, parts: Sequence[Part]) -> bytes:
        """A reference to the content that these parts make; the content itself, where a file is not worth while.

        Raises OSError when there is no room.
        """
        size = sum(memoryview(part).nbytes for part in parts)
        if size < LARGE:
            return b"".join(parts)
        digest = digest_of(parts)
        with self._lock:
            known = self._values.get(digest)
        if known is not None:
            return known.reference
        value = self.open(digest, size)
        if value is None:
            return b"".join(parts)
        for part in parts:
            value.append(part)
        return self.close(value)

    def open(self, digest: str, size: int) -> Value | None:
        """Room for a content; None where there is no file for it. Raises OSError when there is no room."""
        if not self.shares:
            return None
        return Value(digest, size, self._directory if self.in_memory + size > self._limit else None)

    def close(self, value: Value) -> Reference:
        """The reference to a value that is complete now."""
        with self._lock:
            return self._values.setdefault(value.digest, value).reference


def _can_share() -> bool:
    """Whether this system has files without names, and shows them to other processes."""
    if not hasattr(os, "memfd_create"):
        return False
    try:
        file = os.memfd_create("pilot-quantum")
    except OSError:
        return False
    try:
        return os.path.exists(f"/proc/{os.getpid()}/fd/{file}")
    finally:
        os.close(file)


_SHARED = _can_share()
