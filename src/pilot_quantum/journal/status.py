"""A session at a glance: what `pilot-quantum status` shows, as data."""

from __future__ import annotations

import msgspec
import numpy as np

from pilot_quantum.journal import measure
from pilot_quantum.journal.events import Span, TaskCounts
from pilot_quantum.journal.reader import JournalReader

RATE_WINDOW = 10.0  # seconds over which a live session's rate is taken


class PilotStatus(msgspec.Struct, frozen=True):
    """One pilot now. workers: all that it ever had.

    utilisation: busy over available worker-seconds so far, None before its first worker.
    """

    pilot: str
    state: str
    cause: str
    description: str
    workers: int
    workers_up: int
    workers_lost: int
    running: int
    utilisation: float | None


class Failure(msgspec.Struct, frozen=True):
    """An attempt that failed. at_s: seconds after the start of the session."""

    task: int
    attempt: int
    group: str
    pilot: str
    worker: str
    at_s: float
    end: str
    cause: str


class Status(msgspec.Struct, frozen=True):
    """The session now. life: live, ended or died. elapsed_s, eta_s: seconds; rate_per_s: tasks ended per second.

    rate_per_s: of the last seconds for a live session, else of the whole; eta_s: None where nothing can be
    said.
    """

    directory: str
    life: str
    started_wall: float
    elapsed_s: float
    tasks: TaskCounts
    rate_per_s: float | None
    eta_s: float | None
    pilots: tuple[PilotStatus, ...]
    failures: tuple[Failure, ...]


def status_of(reader: JournalReader, failures: int = 5) -> Status:
    """The present state of the session that `reader` looks at, with its `failures` latest failures."""
    counts, spans, until = reader.counts, reader.spans, reader.until
    start = max(reader.started, until - RATE_WINDOW) if reader.life == "live" else reader.started
    rate = measure.finished_per_second(spans, start, until)
    unfinished = counts.unfinished if reader.life == "live" else 0
    return Status(
        directory=str(reader.directory),
        life=reader.life,
        started_wall=reader.started_wall,
        elapsed_s=until - reader.started,
        tasks=counts,
        rate_per_s=rate,
        eta_s=unfinished / rate if rate and unfinished else None,
        pilots=_pilots(reader),
        failures=tuple(failure_of(span, reader.started) for span in measure.failures(spans, failures)),
    )


def failure_of(span: Span, started: float) -> Failure:
    """`span` as a line of a table of failures."""
    at = (span.ended if span.ended is not None else started) - started
    return Failure(span.task, span.attempt, span.group, span.pilot, span.worker, at, span.end, span.cause)


def _pilots(reader: JournalReader) -> tuple[PilotStatus, ...]:
    until = reader.until
    used = {
        figure.pilot: figure.mean
        for figure in measure.utilisation(reader.spans, reader.workers, reader.started, until, bins=1)
    }
    now = np.array([until])
    return tuple(
        PilotStatus(
            pilot=history.pilot,
            state=history.state,
            cause=history.events[-1].cause,
            description=history.description,
            workers=len({life.worker for life in reader.workers if life.pilot == history.pilot}),
            workers_up=sum(life.state == "up" for life in reader.workers if life.pilot == history.pilot),
            workers_lost=sum(life.state == "lost" for life in reader.workers if life.pilot == history.pilot),
            running=int(measure.running_depth(reader.spans, now, history.pilot)[0]),
            utilisation=used.get(history.pilot),
        )
        for history in reader.pilots
    )
