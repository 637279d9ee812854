"""Reading a journal: while it is written, after the end, after a crash, and from a read-only copy."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from pilot_quantum.errors import JournalError
from pilot_quantum.journal import schema
from pilot_quantum.journal.columns import TaskColumns, decode
from pilot_quantum.journal.events import (
    AllocationEvent,
    Decision,
    Group,
    PilotEvent,
    PilotHistory,
    TaskCounts,
    WorkerEvent,
    WorkerLife,
)
from pilot_quantum.journal.lock import writer_is_alive
from pilot_quantum.journal.opening import open_readonly
from pilot_quantum.journal.spans import Spans, spans_of

T = TypeVar("T")


class JournalReader:
    """One consistent look at the journal of the session in `directory`; make a new reader for a newer look.

    Raises JournalError when there is no journal, or when it is damaged, newer than this version, or not a
    journal.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.path = self.directory / schema.JOURNAL_NAME
        if not self.path.is_file():
            raise JournalError(
                f"{str(self.directory)!r} holds no {schema.JOURNAL_NAME}."
                " Give the directory of a session (Session.directory prints it)."
            )
        self.live = writer_is_alive(self.directory)
        self._connection, self._discard = self._guard(lambda: open_readonly(self.path))
        try:
            self._check_schema()
            self._guard(lambda: self._connection.execute("BEGIN"))
            self._facts = dict(self._select(schema.SELECT_SESSION))  # the first read fixes the moment for all others
        except JournalError:
            self.close()
            raise

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was read stays usable."""
        with suppress(sqlite3.Error):
            self._connection.close()
        self._discard()

    @property
    def facts(self) -> Mapping[str, str]:
        """What the session said about itself: versions, settings, start."""
        return self._facts

    @property
    def life(self) -> str:
        """`live`, `ended` (closed in order) or `died`."""
        if "ended_mono" in self._facts:
            return "ended"
        return "live" if self.live else "died"

    @cached_property
    def groups(self) -> Mapping[int, Group]:
        """Queues of like tasks, by id."""
        return {row[0]: Group(*row) for row in self._select(schema.SELECT_GROUPS)}

    @cached_property
    def pilots(self) -> tuple[PilotHistory, ...]:
        """Every pilot with its state changes, in the order of first appearance."""
        events: dict[str, list[PilotEvent]] = {}
        for row in self._select(schema.SELECT_PILOTS):
            event = PilotEvent(*row)
            events.setdefault(event.pilot, []).append(event)
        return tuple(PilotHistory(pilot, tuple(history)) for pilot, history in events.items())

    @cached_property
    def worker_events(self) -> tuple[WorkerEvent, ...]:
        """Comings and goings of workers, oldest first."""
        return tuple(WorkerEvent(*row) for row in self._select(schema.SELECT_WORKERS))

    @cached_property
    def workers(self) -> tuple[WorkerLife, ...]:
        """Every worker process that there was, in the order of coming."""
        return tuple(worker_lives(self.worker_events))

    @cached_property
    def allocations(self) -> tuple[AllocationEvent, ...]:
        """What pilots' allocations have come to, oldest first."""
        if self._version < schema.ALLOCATIONS_SINCE:
            return ()
        return tuple(AllocationEvent(*row) for row in self._select(schema.SELECT_ALLOCATIONS))

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """What the scheduler decided, oldest first."""
        return tuple(Decision(*row) for row in self._select(schema.SELECT_DECISIONS))

    @cached_property
    def task_events(self) -> TaskColumns:
        """Every state change of every task, as columns in the order of writing."""
        try:
            # One chunk at a time: all of them together take more memory than the columns made of them.
            return decode(events for (events,) in self._connection.execute(schema.SELECT_CHUNKS))
        except (sqlite3.Error, msgspec.DecodeError, ValueError, TypeError) as error:
            raise self._unreadable(f"its task events are damaged ({error})") from error

    @cached_property
    def spans(self) -> Spans:
        """Every attempt at every task."""
        return spans_of(self.task_events, self.groups)

    @property
    def counts(self) -> TaskCounts:
        """Tasks by their present state."""
        return self.spans.counts()

    @cached_property
    def started(self) -> float:
        """When the session began, in monotonic seconds."""
        return float(self._facts.get("started_mono", 0.0))

    @property
    def started_wall(self) -> float:
        """When the session began, in seconds since 1970."""
        return float(self._facts.get("started_wall", 0.0))

    @cached_property
    def until(self) -> float:
        """Monotonic second up to which the journal tells: now if live, else its last event."""
        told = [self.started, float(self._facts.get("ended_mono", self.started))]
        if len(self.task_events):
            told.append(float(self.task_events.mono.max()))
        told.extend(event.mono for event in self.worker_events)
        told.extend(event.mono for event in self.allocations)
        told.extend(history.events[-1].mono for history in self.pilots)
        if self.live:
            told.append(time.time() - (self.started_wall - self.started))
        return max(told)

    def _check_schema(self) -> None:
        version = self._version = int(self._select(schema.SELECT_VERSION)[0][0])
        if version > schema.SCHEMA_VERSION:
            raise JournalError(
                f"the journal {str(self.path)!r} has schema {version}; this version of pilot-quantum reads up"
                f" to {schema.SCHEMA_VERSION}. Upgrade: pip install --upgrade pilot-quantum."
            )
        if version < 1 or self._select(schema.SELECT_TABLES)[0][0] != 3:
            raise self._unreadable("it is a database of something else, or its session died while making it")

    def _select(self, statement: str) -> list[tuple[Any, ...]]:
        return self._guard(lambda: self._connection.execute(statement).fetchall())

    def _guard(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (sqlite3.Error, OSError) as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, words: str) -> JournalError:
        return JournalError(
            f"the journal {str(self.path)!r} cannot be read: {words}."
            " Copy it together with its -wal file, or give the directory of another session."
        )


def worker_lives(events: Iterable[WorkerEvent]) -> list[WorkerLife]:
    """Pair each worker's `up` with what ended it; an `up` without an end is a worker that lives."""
    lives: list[WorkerLife] = []
    current: dict[tuple[str, str], int] = {}
    for event in events:
        key = (event.pilot, event.worker)
        if event.state == "up":
            current[key] = len(lives)
            lives.append(WorkerLife(event.pilot, event.worker, event.pid, event.mono, None, "up", event.cause))
        elif key in current:
            up = lives[current[key]]
            lives[current.pop(key)] = WorkerLife(
                up.pilot, up.worker, up.pid, up.began, event.mono, event.state, event.cause
            )
    return lives
