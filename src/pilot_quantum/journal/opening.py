"""Opening a journal for reading only, wherever it lies."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from pilot_quantum.journal.schema import SELECT_VERSION

_BUSY_SECONDS = 10.0


def open_readonly(path: Path) -> tuple[sqlite3.Connection, Callable[[], None]]:
    """A connection that cannot write, and what to call after closing it.

    A database with a write-ahead log needs a shared-memory file beside it. Where that can be neither found
    nor made (a read-only copy, a full disk), the database is read as it is when it has no log, and else from
    a copy.

    Raises sqlite3.Error or OSError when nothing helps.
    """
    try:
        return _connect(path, "mode=ro"), _nothing
    except sqlite3.OperationalError:
        log = path.with_name(path.name + "-wal")
        if not log.exists() or log.stat().st_size == 0:
            return _connect(path, "mode=ro&immutable=1"), _nothing
        copy = tempfile.TemporaryDirectory(prefix="pilot-quantum-journal-")
        try:
            shutil.copyfile(path, Path(copy.name) / path.name)
            shutil.copyfile(log, Path(copy.name) / log.name)
            return _connect(Path(copy.name) / path.name, "mode=ro"), copy.cleanup
        except (OSError, sqlite3.Error):
            copy.cleanup()
            raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(SELECT_VERSION).fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _nothing() -> None:
    return None
