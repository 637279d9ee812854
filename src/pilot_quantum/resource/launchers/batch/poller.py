"""One poll for all jobs of a cluster: often after a change, seldom when nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.launchers.batch.system import BatchError, BatchSystem, JobReport
from pilot_quantum.resource.launchers.batch.threads import Threads
from pilot_quantum.resource.launchers.shell import ShellError

SOON, SELDOM, GROWTH = 0.5, 15.0, 1.4
"""Seconds between polls at first and at most; the factor by which the pause grows while nothing changes."""


@dataclass(slots=True)
class Round:
    """What one poll has found. began: when it was asked (monotonic seconds); what happened later is not in it.

    missing: jobs of which the system knows nothing at all. failure: why there is no answer; then the rest is empty.
    """

    began: float
    reports: dict[str, JobReport] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    failure: str = ""


def ask(system: BatchSystem, jobs: tuple[str, ...]) -> Round:
    """One poll of these jobs, with a closer look at those that the common answer leaves out. Blocks."""
    found = Round(monotonic())
    try:
        found.reports = system.poll(jobs)
        for job in jobs:
            known = found.reports.get(job)
            if known is not None and not (known.state.ended and known.state.failed and not known.exit):
                continue
            report = system.look(job)  # what is gone from the common answer, and how a program has failed
            if report is not None:
                found.reports[job] = report
            elif known is None:
                found.missing.add(job)
    except (BatchError, ShellError) as error:
        found.failure = str(error)  # what was answered before holds all the same
    return found


class Poller:
    """Polls while there are jobs to follow. Called from the loop's thread; `found` is called there too."""

    def __init__(self, loop: Loop, threads: Threads, system: BatchSystem, found: Callable[[Round], None]) -> None:
        self._loop = loop
        self._threads = threads
        self._system = system
        self._found = found
        self._jobs: dict[str, None] = {}
        self._last: dict[str, JobReport] = {}
        self._pause = SOON
        self._timer = 0
        """The timer that counts; older ones come to nothing."""
        self._asking = self._again = self._closed = False

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that are followed."""
        return tuple(self._jobs)

    def follow(self, job: str) -> None:
        """Report on this job from now on."""
        self._jobs[job] = None
        self._pause = SOON
        self._set_timer()

    def forget(self, job: str) -> None:
        """Report on it no more."""
        self._jobs.pop(job, None)
        self._last.pop(job, None)

    def poll_now(self) -> None:
        """Ask at once, and often for a while: something has happened."""
        self._pause = SOON
        if self._asking:
            self._again = True
        else:
            self._ask()

    def close(self) -> None:
        """Ask no more."""
        self._closed = True

    def _set_timer(self) -> None:
        self._timer += 1
        timer = self._timer
        self._loop.call_later(self._pause, lambda: self._on_timer(timer))

    def _on_timer(self, timer: int) -> None:
        if timer == self._timer and not self._asking:
            self._ask()

    def _ask(self) -> None:
        if self._closed or not self._jobs:
            return
        self._asking, self._again = True, False
        jobs = self.jobs
        self._threads.run(lambda: ask(self._system, jobs), self._on_round, self._on_defect)

    def _on_round(self, found: Round) -> None:
        self._asking = False
        changed = any(self._last.get(job) != report for job, report in found.reports.items())
        self._last |= found.reports
        self._pause = SOON if changed else min(self._pause * GROWTH, SELDOM)
        self._found(found)
        if self._again:
            self.poll_now()
        else:
            self._set_timer()

    def _on_defect(self, error: Exception) -> None:
        self._on_round(Round(monotonic(), failure=f"{type(error).__name__}: {error}"))
