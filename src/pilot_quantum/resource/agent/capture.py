"""What an attempt prints: where it lies in this process's own files, or the bytes themselves."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from pilot_quantum.resource.agent.output import open_output

LONGEST = 1 << 20
"""Bytes of each stream, the last ones, that travel with an outcome."""

RangesOf = tuple[int, int, int, int]
BytesOf = tuple[bytes, bytes]
O_co = TypeVar("O_co", covariant=True)


class Capture(Protocol[O_co]):
    """Tells what one attempt after the other has printed."""

    def begin(self) -> None:
        """An attempt begins."""

    def end(self, attempt: int) -> O_co | None:
        """An attempt has ended; None where it is its task's first and printed nothing.

        A later one that prints nothing must still say so: the one before it may have printed.
        """


class Ranges:
    """Byte ranges of stdout and stderr, which are files of this process alone."""

    def __init__(self) -> None:
        # Copies: a task may put something else in the places 1 and 2.
        self._streams = (os.dup(1), os.dup(2))
        self._last = self._positions()

    def begin(self) -> None:
        """Nothing: the last end is this beginning."""

    def end(self, attempt: int) -> RangesOf | None:
        """From where to where stdout and stderr were written."""
        before, after = self._last, self._positions()
        if before == after and attempt == 1:
            return None
        self._last = after
        return before[0], after[0], before[1], after[1]

    def _positions(self) -> tuple[int, int]:
        _flush()
        return _position(self._streams[0]), _position(self._streams[1])


class Contents:
    """The bytes themselves. While an attempt runs, stdout and stderr are files without names in `directory`.

    For processes whose own output is somebody else's log (a Dask worker's, a Ray actor's).
    """

    def __init__(self, directory: Path) -> None:
        self._files = [_unnamed(directory), _unnamed(directory)]
        self._places = (os.dup(1), os.dup(2))
        self._ours = (open_output(1, "stdout"), open_output(2, "stderr"))
        self._theirs: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)

    def begin(self) -> None:
        """Turn stdout and stderr to our files."""
        _flush()
        self._theirs = (sys.stdout, sys.stderr)
        for place, file in enumerate(self._files, 1):
            os.dup2(file, place)
        sys.stdout, sys.stderr = self._ours

    def end(self, attempt: int) -> BytesOf | None:
        """Turn them back, and read what was written."""
        _flush()
        if self._ours[0].closed or self._ours[1].closed:  # by the task
            self._ours = (open_output(1, "stdout"), open_output(2, "stderr"))
        sys.stdout, sys.stderr = self._theirs
        for place, saved in enumerate(self._places, 1):
            os.dup2(saved, place)
        out, err = (_emptied(file) for file in self._files)
        return (out, err) if out or err or attempt > 1 else None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed or replaced by the task: then there is nothing to flush


def _position(fd: int) -> int:
    try:
        return os.lseek(fd, 0, os.SEEK_CUR)
    except OSError:
        return 0


def _unnamed(directory: Path) -> int:
    handle, path = tempfile.mkstemp(dir=directory)
    os.close(handle)
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    os.unlink(path)
    return fd


def _emptied(fd: int) -> bytes:
    """The last bytes of a file, which is empty then."""
    size = os.fstat(fd).st_size
    if not size:
        return b""
    data = os.pread(fd, LONGEST, max(0, size - LONGEST))
    os.ftruncate(fd, 0)
    return data
