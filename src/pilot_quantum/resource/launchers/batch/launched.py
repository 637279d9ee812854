"""An allocation that is a job: what the batch system and the agent say about it, brought together."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from pilot_quantum.resource.allocation_state import ALLOWED, AllocationState
from pilot_quantum.resource.launchers.batch.agents import AgentEnd
from pilot_quantum.resource.launchers.batch.system import JobReport
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request

PATIENCE = 30.0
"""Seconds without a word from scheduler and agent after which a job that the scheduler does not know is lost."""
FAILURES = 3
"""Polls in a row that fail before an allocation is called unknown."""
SURE = 2
"""Polls in a row that give a reason which cannot clear before it is believed."""

_S = AllocationState
_FORWARD = (_S.SUBMITTED, _S.PENDING, _S.STARTING, _S.RUNNING, _S.COMPLETING)


class Launched:
    """Follows one job. Called from the loop's thread.

    give_up(cause): the job will never start, cancel it. over(cause, failed): it has ended; then call `end`.
    """

    def __init__(
        self,
        request: Request,
        engine: AgentEnd,
        events: AllocationEvents,
        give_up: Callable[[str], None],
        over: Callable[[str, bool], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.request = request
        self.job = ""
        self.state = _S.SUBMITTED
        self.over = False
        """Whether it has ended, as far as the scheduler is concerned."""
        self.cancelled: tuple[str, bool] | None = None
        """Why it was cancelled by us, and whether that is a fault."""
        self._engine = engine
        self._events = events
        self._give_up = give_up
        self._on_over = over
        self._clock = clock
        self.connected = False
        """Whether its agent can be heard."""
        self._hello_at: float | None = None
        self._broke_at = clock()
        self._started = False
        """Whether the job has run since it was last queued."""
        self._run = ""
        self._run_at = 0.0
        self._hopeless = 0
        self._failures = 0
        self._missing_since: float | None = None
        self._told = (_S.SUBMITTED, "")

    def hello(self) -> None:
        """The agent is there."""
        self.connected, self._started = True, True
        self._hello_at = self._clock()
        if not self.over and self.state is not _S.COMPLETING:
            self._move(_S.RUNNING)

    def broke(self) -> None:
        """The agent cannot be heard."""
        self.connected = False
        self._broke_at = self._clock()

    def reported(self, report: JobReport, began: float) -> None:
        """The scheduler has said this, asked at `began`."""
        self._failures, self._missing_since = 0, None
        state = report.state
        if self.over:
            return
        if state.ended:
            self._finish(*self._verdict(report))
        elif state.allocation is _S.PENDING:
            self._pending(report, began)
        elif state.allocation is _S.UNKNOWN:
            self._unknown(f"{state.cause}: {report.reason}")
        elif state.allocation is _S.RUNNING:
            self._running(report, began)
        elif state.allocation is _S.COMPLETING:
            self._move(_S.COMPLETING, report.reason or state.cause)
        elif not self._started:
            self._move(state.allocation, state.cause or report.reason)

    def missing(self) -> None:
        """The scheduler knows nothing of the job: no verdict, unless the agent is silent too."""
        if self.over:
            return
        if self.cancelled is not None:
            self._finish(*self.cancelled)
            return
        now = self._clock()
        if self._missing_since is None:
            self._missing_since = now
        if self.connected:
            return
        if now - max(self._missing_since, self._broke_at) >= PATIENCE:
            self._finish(f"lost: the scheduler knows nothing of job {self.job}, and its agent is silent", True)
        else:
            self._unknown(f"the scheduler knows nothing of job {self.job}")

    def unreachable(self, cause: str) -> None:
        """The scheduler could not be asked: no verdict either."""
        self._failures += 1
        if not self.over and not self.connected and self._failures >= FAILURES:
            self._unknown(f"the scheduler does not answer: {cause}")

    def end(self, cause: str, failed: bool) -> None:
        """Tell everybody that it is over."""
        self.over = True
        if self.state is not _S.ENDED:
            self.state = _S.ENDED
            self._engine.gone(cause, failed)
            self._events.ended(self.request.allocation, cause, failed)

    def _pending(self, report: JobReport, began: float) -> None:
        words = report.reason or report.state.cause
        if self._requeued(report, began):
            self._restart(f"job {self.job} was requeued by the scheduler ({words})")
        if report.hopeless:
            self._hopeless += 1
            if (self._hopeless >= SURE or report.state.stuck) and self.cancelled is None:
                self._give_up(f"it cannot start: {report.reason} ({report.hopeless})")
        else:
            self._hopeless = 0
        if not self._started:
            self._move(_S.PENDING, words)

    def _running(self, report: JobReport, began: float) -> None:
        new = bool(self._run) and _comparable(self._run, report.run) and report.run != self._run
        if new and self._started:
            # Requeued between two polls. An agent that has greeted since the old run was last seen is the new one.
            fresh = self._hello_at is not None and self._hello_at > self._run_at
            self._restart(f"job {self.job} was requeued by the scheduler and runs again", lost=not fresh)
        self._run, self._run_at = report.run, began
        self._started = True
        if self.state is not _S.COMPLETING:
            self._move(_S.RUNNING if self._hello_at is not None else _S.STARTING, report.state.cause)

    def _requeued(self, report: JobReport, began: float) -> bool:
        """Whether a job that waits has run before; an answer that is older than the agent's greeting says nothing."""
        if not self._started:
            return False
        return self._hello_at is None or began > self._hello_at

    def _restart(self, cause: str, lost: bool = True) -> None:
        self._started, self._run, self._hopeless = False, "", 0
        if lost:
            self._hello_at, self.connected = None, False
            self._engine.lost(cause)
        self.state, self._told = _S.PENDING, (_S.PENDING, cause)
        self._events.moved(self.request.allocation, _S.PENDING, cause)

    def _verdict(self, report: JobReport) -> tuple[str, bool]:
        """Why it is over, and whether that was a fault."""
        if self.cancelled is not None:
            return self.cancelled
        state = report.state
        details = [text for text in (report.reason, report.exit) if text and text not in state.cause]
        cause = f"job {self.job}: {state.cause}" + (f" ({', '.join(details)})" if details else "")
        return cause, state.failed

    def _unknown(self, cause: str) -> None:
        if not self.connected:
            self._move(_S.UNKNOWN, cause)

    def _finish(self, cause: str, failed: bool) -> None:
        self.over = True
        self._on_over(cause, failed)

    def _move(self, state: AllocationState, cause: str = "") -> None:
        """Tell of a state, and of those between, as the table of transitions wants it."""
        if state not in ALLOWED[self.state] and state is not self.state:
            between = _between(self.state, state)
            if between is None:
                return
            for step in between:
                self.state = step
                self._events.moved(self.request.allocation, step)
        if (state, cause) != self._told:
            self.state, self._told = state, (state, cause)
            self._events.moved(self.request.allocation, state, cause)


def _between(old: AllocationState, new: AllocationState) -> list[AllocationState] | None:
    """The states passed on the way forward; None where the way would lead back."""
    if old not in _FORWARD or new not in _FORWARD or _FORWARD.index(new) < _FORWARD.index(old):
        return None
    passed = _FORWARD[_FORWARD.index(old) + 1 : _FORWARD.index(new)]
    return [state for state in passed if state is not _S.RUNNING]


def _comparable(old: str, new: str) -> bool:
    """Whether two words about a run come from the same source, so that a difference means something."""
    return old.partition(":")[0] == new.partition(":")[0]
