"""Content in a file without a name, which other processes of this user open by way of the process that holds it.

So nothing is left behind, however that process ends, and no directory has to be large enough, or kept from others.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pilot_quantum.resource.values.content import Part, is_frozen, load

MAGIC = b"\0PQR"
"""With which a reference begins; neither a pickle nor a content does."""
PIECE = 8 << 20
"""Bytes that travel in one message."""
MAPPED = 4
"""Contents that a worker keeps mapped while it has tasks at hand."""


class Value:
    """A value's content, named by its hash. The file is gone when this object and all mappings are."""

    def __init__(self, digest: str, size: int, directory: Path | None = None) -> None:
        """Room for `size` bytes: in memory, or on the disk of `directory`. Raises OSError when there is none."""
        self.digest = digest
        self.size = size
        self.in_memory = directory is None
        self._written = 0
        if directory is None:
            self._file = os.memfd_create("pilot-quantum", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile(dir=directory) as file:
                self._file = os.dup(file.fileno())
        os.fchmod(self._file, 0o600)
        self._words = f"{os.getpid()}:{self._file}:{os.fstat(self._file).st_ino}:{size}:{digest}".encode()

    def append(self, part: Part) -> bool:
        """Write the next part; whether the content is complete. Raises OSError."""
        view = memoryview(part).cast("B") if memoryview(part).nbytes else memoryview(b"")
        while view:
            written = os.pwrite(self._file, view, self._written)
            self._written += written
            view = view[written:]
        return self._written >= self.size

    @property
    def reference(self) -> Reference:
        """What stands for it on the way to workers of this host; it keeps this value."""
        reference = Reference(MAGIC + self._words)
        reference.value = self
        return reference

    def pieces(self) -> Iterator[memoryview]:
        """The content, piece by piece."""
        with memoryview(_memory(self._file, self.size)) as view:
            for at in range(0, self.size, PIECE):
                yield view[at : at + PIECE]

    def read(self, begin: int, size: int) -> bytes:
        """`size` bytes of the content from `begin` on. Raises OSError."""
        return os.pread(self._file, size, begin)

    def load(self) -> Any:
        """The value, in this process."""
        return load(_memory(self._file, self.size))

    def __del__(self) -> None:
        file = getattr(self, "_file", -1)
        if file >= 0:
            os.close(file)


class Reference(bytes):
    """Stands for a content where its bytes would stand."""

    value: Value


def plain(one: object) -> bytes:
    """For encoders of messages: a reference as bytes. Raises NotImplementedError for anything else."""
    if isinstance(one, Reference):
        return bytes(one)
    raise NotImplementedError(f"a {type(one).__name__} has no place in a message")


_mapped: OrderedDict[bytes, mmap.mmap] = OrderedDict()
"""Mappings that the next task may use too: to make one costs as much as a copy, page by page."""


def loads(data: bytes) -> Any:
    """The value of a pickle, a content, or a reference to one. Raises OSError when that is gone."""
    if data[: len(MAGIC)] != MAGIC:
        return load(data)
    mapped = _mapped.pop(data, None) or _map(data)
    if is_frozen(mapped):
        _mapped[data] = mapped
        while len(_mapped) > MAPPED:
            _mapped.popitem(last=False)
    return load(mapped)


def forget() -> None:
    """Let go what is mapped and not in use: it may be that nobody else needs it."""
    if _mapped:
        _mapped.clear()


def _map(reference: bytes) -> mmap.mmap:
    words = reference[len(MAGIC) :].split(b":")
    process, number, inode, size = map(int, words[:4])
    try:
        file = os.open(f"/proc/{process}/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(f"a large value cannot be reached: process {process}, which keeps it: {error.strerror}") from None
    try:
        if os.fstat(file).st_ino != inode:
            raise OSError(f"a large value cannot be reached: process {process} does not keep it any more")
        return _memory(file, size)
    finally:
        os.close(file)


def _memory(file: int, size: int) -> mmap.mmap:
    """The content as memory: shared with all others; where it may be written to, the written pages are our own."""
    shared = mmap.mmap(file, size, access=mmap.ACCESS_READ)
    return shared if is_frozen(shared) else mmap.mmap(file, size, access=mmap.ACCESS_COPY)
