"""The mark of a live writer: a lock on DIR/journal.lock that the kernel takes back when its process ends."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from pilot_quantum.errors import JournalError, SessionDirectoryError

LOCK_NAME = "journal.lock"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class WriterLock:
    """Held by the one writer of a session directory, for as long as it lives.

    Not on the SQLite file itself: closing a second descriptor of that file would drop SQLite's own locks.
    Raises SessionDirectoryError when `directory` cannot be written, JournalError when another writer holds
    it.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SessionDirectoryError(
                f"the session directory {str(directory)!r} cannot be written: {error.strerror or error}."
                " Make it writable, or give another: Session(directory=...)."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:
                return  # a file system without locks: go on unprotected rather than not at all
            os.close(self._descriptor)
            raise JournalError(
                f"another live session writes its journal into {str(directory)!r}."
                " Close that session, or give another directory: Session(directory=...)."
            ) from error

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def writer_is_alive(directory: Path) -> bool:
    """Whether a writer on this host holds `directory`; False also for a copy, where no lock file is held."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    finally:
        os.close(descriptor)
    return False
