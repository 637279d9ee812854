"""The figures of a report as JSON, without its curves and bars."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pilot_quantum.journal.events import TaskCounts
from pilot_quantum.journal.measure import GroupFigures
from pilot_quantum.journal.report import Report
from pilot_quantum.journal.status import Failure, PilotStatus


class Summary(msgspec.Struct, frozen=True):
    """What `pilot-quantum report --json` prints. Times in seconds, rates in tasks per second."""

    report: str
    png: str | None
    directory: str
    life: str
    elapsed_s: float
    rate_per_s: float | None
    attempts: int
    tasks: TaskCounts
    pilots: tuple[PilotStatus, ...]
    groups: tuple[GroupFigures, ...]
    failures: tuple[Failure, ...]
    setbacks: tuple[Failure, ...]


def summary_of(report: Report, page: Path, png: Path | None) -> str:
    """One JSON object: `report` in figures, and the files that were written."""
    summary = Summary(
        report=str(page),
        png=None if png is None else str(png),
        directory=report.directory,
        life=report.life,
        elapsed_s=report.elapsed,
        rate_per_s=report.rate_per_s,
        attempts=report.attempts,
        tasks=report.tasks,
        pilots=report.pilots,
        groups=report.groups,
        failures=report.failures,
        setbacks=report.setbacks,
    )
    return msgspec.json.encode(summary).decode()
