"""Making DIR/journal.sqlite, and setting aside the journal of an earlier session."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from pilot_quantum.errors import JournalError, SessionDirectoryError
from pilot_quantum.journal import schema
from pilot_quantum.journal.lock import WriterLock

_BUSY_SECONDS = 30.0


def create_journal(directory: Path) -> tuple[WriterLock, sqlite3.Connection]:
    """A new, empty journal in `directory`, and the lock that makes its caller the only writer.

    Raises SessionDirectoryError when the directory cannot be made or written, JournalError when the database
    cannot be made or another live session writes there.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SessionDirectoryError(
            f"the session directory {str(directory)!r} cannot be made: {error.strerror or error}."
            " Give a path below a directory that you can write: Session(directory=...)."
        ) from error
    lock = WriterLock(directory)
    path = directory / schema.JOURNAL_NAME
    try:
        _set_aside(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return lock, _open(path)
    except (OSError, sqlite3.Error) as error:
        lock.release()
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise JournalError(
            f"the journal {str(path)!r} cannot be made: {words}."
            " Free space there, make the directory writable, or give another: Session(directory=...)."
        ) from error


def _open(path: Path) -> sqlite3.Connection:
    # Made here so that errors show at once, used by the writer's thread alone from then on.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for pragma in schema.PRAGMAS:
            connection.execute(pragma)
        connection.execute("BEGIN IMMEDIATE")
        for statement in schema.TABLES:
            connection.execute(statement)
        connection.execute(schema.INSERT_SESSION, ("schema_version", str(schema.SCHEMA_VERSION)))
        connection.execute(schema.INSERT_SESSION, ("sqlite_version", sqlite3.sqlite_version))
        connection.execute("COMMIT")
    except sqlite3.Error:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return connection


def _set_aside(path: Path) -> None:
    """Rename a journal that is already there: task ids start anew with each session."""
    if not path.exists():
        return
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    # The log of a session that died holds committed rows: it keeps its place beside its file.
    log = path.with_name(path.name + "-wal")
    if log.exists():
        log.rename(aside.with_name(aside.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    path.rename(aside)
