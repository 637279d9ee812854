"""A session at a glance: what `pilot-quantum status` shows, as data."""

from __future__ import annotations

import msgspec
import numpy as np

from pilot_quantum.journal import measure
from pilot_quantum.journal.events import AllocationEvent, Span, TaskCounts
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


class AllocationStatus(msgspec.Struct, frozen=True):
    """One allocation of a pilot now: a batch job, or hosts. nodes: asked for. since_s: how long it has been so.

    reason: why it is in this state, in the batch system's words or ours.
    """

    pilot: str
    allocation: str
    state: str
    nodes: int
    since_s: float
    reason: str


class DecisionStatus(msgspec.Struct, frozen=True):
    """What was decided about pilots. at_s: seconds after the start of the session."""

    at_s: float
    subject: str
    decision: str
    reason: str


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
    allocations: tuple[AllocationStatus, ...] = ()
    decisions: tuple[DecisionStatus, ...] = ()


def status_of(reader: JournalReader, failures: int = 5, ended: int = 5, decisions: int = 5) -> Status:
    """The present state of the session that `reader` looks at.

    failures, ended, decisions: how many of the latest failures, allocations that have ended, decisions about pilots.
    """
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
        allocations=_allocations(reader, ended),
        decisions=_decisions(reader, decisions),
    )


def failure_of(span: Span, started: float) -> Failure:
    """`span` as a line of a table of failures."""
    at = (span.ended if span.ended is not None else started) - started
    return Failure(span.task, span.attempt, span.group, span.pilot, span.worker, at, span.end, span.cause)


def _allocations(reader: JournalReader, ended: int) -> tuple[AllocationStatus, ...]:
    """Those that have not ended, and the last few that have, in the order in which they were asked for."""
    last: dict[str, AllocationEvent] = {}
    since: dict[str, float] = {}
    for event in reader.allocations:
        if event.allocation not in last or last[event.allocation].state != event.state:
            since[event.allocation] = event.mono
        last[event.allocation] = event
    over = sorted((since[name], name) for name, event in last.items() if event.state == "ended")
    hidden = {name for _, name in over[: max(0, len(over) - ended)]}
    return tuple(
        AllocationStatus(event.pilot, name, event.state, event.nodes, max(0.0, reader.until - since[name]), event.cause)
        for name, event in last.items()
        if name not in hidden
    )


def _decisions(reader: JournalReader, number: int) -> tuple[DecisionStatus, ...]:
    """The latest about allocations; what the scheduler decides about tasks is too much to be shown."""
    names = {event.allocation for event in reader.allocations}
    told = [one for one in reader.decisions if one.subject in names or one.decision == "cannot be launched"]
    return tuple(
        DecisionStatus(one.mono - reader.started, one.subject, one.decision, one.reason)
        for one in told[max(0, len(told) - number) :]
    )


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
