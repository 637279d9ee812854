"""The journal's one writer: callers append to a queue, a thread packs and commits.

The process that writes is the one whose interpreter lock limits the scheduler, so rows cost as little of it
as possible: a caller appends a list; every few hundred rows are encoded to JSON bytes in one call (0.1 µs a
row), and SQLite receives the bytes as one value, without the interpreter lock. Nothing is done per row.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from pilot_quantum.errors import JournalError
from pilot_quantum.journal import schema
from pilot_quantum.journal.files import create_journal

TaskRow = tuple[float, int, str, int, int, str, str, str]
"""(monotonic seconds, task id, state, attempt, group id, pilot id, worker id, cause)"""

PACK_ROWS = 512  # few enough to still lie in the processor's cache when they are encoded
CHUNK_BYTES = 2**20  # some twenty thousand rows: each insert makes the writer queue for the interpreter lock again
COMMIT_SECONDS = 0.25
BACKLOG_BYTES = 256 * 2**20  # about five million rows; reached only when the disk has stopped taking them
_TRANSACTION_BYTES = 16 * 2**20  # bounds the write-ahead log, and what one commit holds


class _Pack(msgspec.Struct, frozen=True):
    """Rows as one JSON array."""

    rows: int
    wall_offset: float
    events: bytes


class JournalWriter:
    """Writes DIR/journal.sqlite (mode 0600, write-ahead log) from one background thread.

    directory: of the session; made if missing. A finished journal that is already there is kept under another
    name (journal.1.sqlite, ...). on_error: called once, from the writer's thread, when the journal cannot go
    on (a full disk, an I/O error); later rows are then dropped and counted in `dropped`, and `error` holds
    what was reported.

    All methods but `flush` and `close` return at once, never raise, and may be called from any thread. A list
    given to `task_rows` belongs to the journal from then on. All times are seconds of `time.monotonic()`.

    Raises SessionDirectoryError when the directory cannot be written, and JournalError when the file cannot
    be made or another live session writes there.
    """

    def __init__(self, directory: Path, on_error: Callable[[JournalError], None]) -> None:
        self.path = directory / schema.JOURNAL_NAME
        self.error: JournalError | None = None
        self.dropped = 0
        self._on_error = on_error
        self._lock, self._connection = create_journal(directory)

        self._inbox: deque[list[TaskRow]] = deque()
        self._unpacked = 0  # rows since the last packing; several callers may miscount it, which only shifts a chunk
        self._packing = threading.Lock()
        self._packed: deque[_Pack] = deque()
        self._packed_bytes = 0  # written under _packing only
        self._written_bytes = 0  # written by the writer's thread only
        self._others: deque[tuple[str, tuple[float | int | str, ...]]] = deque()

        self._work = threading.Event()
        self._hurry = threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._stopped = False  # takes no more rows: closed or failed
        self._closing = False
        self._ended = False
        self._refused = ""  # why no more rows can be taken; the writer's thread reports it
        now = time.monotonic()
        self.session("started_mono", repr(now))
        self.session("started_wall", repr(now + _wall_offset()))
        self._thread = threading.Thread(target=self._run, name="pilot-quantum-journal", daemon=True)
        self._thread.start()

    def session(self, key: str, value: str) -> None:
        """A fact about the session, such as a version or a setting; the last value of a key counts."""
        self._other(schema.INSERT_SESSION, (key, value))

    def group(
        self, mono: float, group: int, name: str, function: str, needs: str, priority: int, coupling: str
    ) -> None:
        """A queue of like tasks, before or after its first task."""
        wall = mono + _wall_offset()
        self._other(schema.INSERT_GROUP, (mono, wall, group, name, function, needs, priority, coupling))

    def task_rows(self, rows: list[TaskRow]) -> None:
        """State changes of tasks, in the order in which they happened."""
        if self._stopped:
            self.dropped += len(rows)
            return
        self._inbox.append(rows)
        self._unpacked += len(rows)
        if self._unpacked >= PACK_ROWS:
            self._pack(wait=False)
        if not self._work.is_set():
            self._work.set()

    def pilot_row(self, mono: float, pilot: str, state: str, cause: str, description: str) -> None:
        """A state change of a pilot."""
        self._other(schema.INSERT_PILOT, (mono, mono + _wall_offset(), pilot, state, cause, description))

    def worker_row(self, mono: float, pilot: str, worker: str, state: str, pid: int, cause: str) -> None:
        """A worker came (`up`), died (`lost`) or was stopped by us (`ended`)."""
        self._other(schema.INSERT_WORKER, (mono, mono + _wall_offset(), pilot, worker, state, pid, cause))

    def allocation_row(self, mono: float, pilot: str, allocation: str, state: str, nodes: int, cause: str) -> None:
        """A state change of an allocation of `nodes` nodes, or another reason for the state that it is in."""
        self._other(schema.INSERT_ALLOCATION, (mono, mono + _wall_offset(), pilot, allocation, state, nodes, cause))

    def decision_row(self, mono: float, subject: str, decision: str, reason: str) -> None:
        """What the scheduler decided about `subject`, and why."""
        self._other(schema.INSERT_DECISION, (mono, mono + _wall_offset(), subject, decision, reason))

    def flush(self) -> None:
        """Block until all that was given so far is committed, or the journal has failed or is closed."""
        done = threading.Event()
        self._flushes.append(done)
        self._hurry.set()
        self._work.set()
        if self._ended:  # the thread may have looked at the flushes for the last time
            return
        done.wait()

    def close(self) -> None:
        """Write what is left, end the thread and leave one plain file; a second call does nothing."""
        if self._closing:
            self._thread.join()
            return
        if not self._stopped:
            now = time.monotonic()
            self.session("ended_mono", repr(now))
            self.session("ended_wall", repr(now + _wall_offset()))
        self._stopped = self._closing = True
        self._hurry.set()
        self._work.set()
        self._thread.join()
        with suppress(sqlite3.Error):  # readers may hold the log, the disk may be full: the journal is whole anyway
            if self.error is None:
                self._connection.execute("PRAGMA busy_timeout = 100")
                self._connection.execute("PRAGMA journal_mode = DELETE")
        with suppress(sqlite3.Error):
            self._connection.close()
        self._lock.release()

    def _other(self, statement: str, values: tuple[float | int | str, ...]) -> None:
        if self._stopped:
            self.dropped += 1
            return
        self._others.append((statement, values))
        if not self._work.is_set():
            self._work.set()

    def _pack(self, wait: bool) -> None:
        """Turn the rows of the inbox into packs of bytes, in order.

        A caller does not wait when the writer's thread is packing: that takes its rows along.
        """
        if not self._packing.acquire(blocking=wait):
            return
        try:
            self._unpacked = 0
            while self._inbox:
                rows: list[TaskRow] = []
                while self._inbox and len(rows) < PACK_ROWS:
                    rows.extend(self._inbox.popleft())
                for start in range(0, len(rows), PACK_ROWS):
                    self._encode(rows if len(rows) <= PACK_ROWS else rows[start : start + PACK_ROWS])
        finally:
            self._packing.release()

    def _encode(self, rows: list[TaskRow]) -> None:
        if self._packed_bytes - self._written_bytes > BACKLOG_BYTES:
            self._refuse(rows, f"rows come faster than the disk takes them ({BACKLOG_BYTES >> 20} MiB wait)")
            return
        try:
            events = msgspec.json.encode(rows)
        except (
            TypeError,
            ValueError,
            OverflowError,
        ):  # text that is not Unicode, a number that is not Python's
            try:
                events = msgspec.json.encode([_plain(row) for row in rows])
            except (TypeError, ValueError, OverflowError) as error:
                self._refuse(rows, f"a row is not a TaskRow: {error}")
                return
        self._packed.append(_Pack(len(rows), _wall_offset(), events))
        self._packed_bytes += len(events)

    def _refuse(self, rows: list[TaskRow], words: str) -> None:
        self._stopped = True
        self._refused = words
        self.dropped += len(rows)

    def _run(self) -> None:
        try:
            while not (self._closing and self._is_empty()) and self.error is None:
                self._work.wait()
                self._hurry.wait(COMMIT_SECONDS)  # lets a batch gather; flush and close cut it short
                self._work.clear()
                self._hurry.clear()
                waiting = [self._flushes.popleft() for _ in range(len(self._flushes))]
                try:
                    self._write()
                finally:
                    for flush in waiting:
                        flush.set()
        finally:
            self._stopped = self._ended = True
            while self._flushes:
                self._flushes.popleft().set()

    def _is_empty(self) -> bool:
        return not (self._inbox or self._packed or self._others)

    def _write(self) -> None:
        self._pack(wait=True)
        while (self._packed or self._others) and self.error is None:
            self._write_transaction()
        if self._refused and self.error is None:
            self._fail(self._refused, None)

    def _write_transaction(self) -> None:
        others = [self._others.popleft() for _ in range(len(self._others))]
        chunks, taken = self._take_chunks()
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for statement, values in others:
                try:
                    execute(statement, values)
                except UnicodeEncodeError:
                    execute(statement, tuple(_text(v) if isinstance(v, str) else v for v in values))
            for chunk in chunks:
                execute(schema.INSERT_CHUNK, (chunk.rows, chunk.wall_offset, chunk.events))
            execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            name = getattr(error, "sqlite_errorname", "")
            self.dropped += sum(chunk.rows for chunk in chunks) + len(others)
            self._fail(f"{error} ({name})" if name else str(error), error)
        self._written_bytes += taken

    def _take_chunks(self) -> tuple[list[_Pack], int]:
        """Packs for one transaction, joined into chunks, and how many bytes of the backlog they were."""
        chunks: list[_Pack] = []
        taken = 0
        while self._packed and taken < _TRANSACTION_BYTES:
            packs: list[_Pack] = []
            size = 0
            while self._packed and size < CHUNK_BYTES:
                packs.append(self._packed.popleft())
                size += len(packs[-1].events)
            taken += size
            if len(packs) == 1:
                chunks.append(packs[0])
                continue
            events = b",".join(pack.events[1:-1] for pack in packs)
            chunks.append(_Pack(sum(pack.rows for pack in packs), packs[0].wall_offset, b"[" + events + b"]"))
        return chunks, taken

    def _fail(self, words: str, cause: BaseException | None) -> None:
        self._stopped = True
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self.dropped += sum(pack.rows for pack in self._packed) + len(self._others)
        self._packed.clear()
        self._others.clear()
        error = JournalError(
            f"the journal {str(self.path)!r} cannot be written: {words}. Free space there, or start the"
            " session elsewhere with Session(directory=...). The session goes on without its journal;"
            " what was committed before stays readable."
        )
        error.__cause__ = cause
        self.error = error
        self._on_error(error)


def _wall_offset() -> float:
    """Seconds to add to the monotonic clock for wall time, measured anew for each batch: clocks get stepped."""
    return time.time() - time.monotonic()


def _text(value: str) -> str:
    """`value` with lone surrogates (from undecodable file names) written out, as JSON and SQLite need it."""
    return value.encode("utf-8", "backslashreplace").decode()


def _plain(row: TaskRow) -> TaskRow:
    mono, task, state, attempt, group, pilot, worker, cause = row
    texts = (_text(str(pilot)), _text(str(worker)), _text(str(cause)))
    return (float(mono), int(task), _text(str(state)), int(attempt), int(group), *texts)
