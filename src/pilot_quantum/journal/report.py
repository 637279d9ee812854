"""What a report of a session says, as data; `html` and `plot` draw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pilot_quantum.journal import measure
from pilot_quantum.journal.events import TaskCounts
from pilot_quantum.journal.gantt import Gantt, gantt_of
from pilot_quantum.journal.measure import Curve, GroupFigures, Utilisation
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.status import Failure, PilotStatus, failure_of, status_of

FAILURES_AT_MOST = 100
GROUPS_AT_MOST = 200


@dataclass(frozen=True)
class Fact:
    """One line of the report's table of facts."""

    key: str
    value: str


@dataclass(frozen=True)
class Report:
    """A session, summed up. Durations and times are seconds, times after the start of the session.

    rate_per_s: tasks ended per second between the first begin and the last end. hidden_groups,
    hidden_failures, hidden_setbacks: how many more there were than are listed.
    """

    directory: str
    life: str
    started_wall: float
    elapsed: float
    tasks: TaskCounts
    attempts: int
    rate_per_s: float | None
    pilots: tuple[PilotStatus, ...]
    groups: tuple[GroupFigures, ...]
    hidden_groups: int
    utilisation: tuple[Utilisation, ...]
    queued: Curve
    running: Curve
    gantt: Gantt
    failures: tuple[Failure, ...]
    hidden_failures: int
    setbacks: tuple[Failure, ...]
    hidden_setbacks: int
    facts: tuple[Fact, ...]


def report_of(reader: JournalReader, bins: int = 240) -> Report:
    """The report of `reader`'s session, its curves with `bins` steps."""
    spans, start, until = reader.spans, reader.started, reader.until
    status = status_of(reader, failures=0)
    groups = measure.group_figures(spans)
    edges = np.linspace(start, max(until, start + 1e-9), bins + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    times = np.concatenate([spans.began, spans.ended])
    times = times[~np.isnan(times)]
    rate = measure.finished_per_second(spans, float(times.min()), float(times.max())) if len(times) else None
    return Report(
        directory=str(reader.directory.absolute()),
        life=reader.life,
        started_wall=reader.started_wall,
        elapsed=until - start,
        tasks=status.tasks,
        attempts=int(np.count_nonzero(~np.isnan(spans.shipped))),
        rate_per_s=rate,
        pilots=status.pilots,
        groups=groups[:GROUPS_AT_MOST],
        hidden_groups=max(0, len(groups) - GROUPS_AT_MOST),
        utilisation=tuple(
            Utilisation(u.pilot, u.busy, u.available, Curve(u.curve.edges - start, u.curve.values))
            for u in measure.utilisation(spans, reader.workers, start, until, bins)
        ),
        queued=Curve(edges - start, measure.queue_depth(spans, middles)),
        running=Curve(edges - start, measure.running_depth(spans, middles)),
        gantt=gantt_of(spans, start, until),
        failures=tuple(failure_of(span, start) for span in measure.failures(spans, FAILURES_AT_MOST)),
        hidden_failures=max(0, status.tasks.failed - FAILURES_AT_MOST),
        setbacks=tuple(failure_of(span, start) for span in measure.setbacks(spans, FAILURES_AT_MOST)),
        hidden_setbacks=max(0, measure.number_of_setbacks(spans) - FAILURES_AT_MOST),
        facts=tuple(Fact(key, value) for key, value in reader.facts.items()),
    )
