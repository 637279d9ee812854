"""From state changes to attempts: when each was queued, shipped, begun and ended, where, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pilot_quantum.journal.columns import STATE_CODE, Codes, Floats, Ints, TaskColumns
from pilot_quantum.journal.events import REQUEUED, TASK_STATES, Group, Span, TaskCounts

ENDS = ("", "done", "failed", "cancelled", REQUEUED)
END_CODE = {end: code for code, end in enumerate(ENDS)}
_QUEUED, _SHIPPED, _RUNNING, _DONE = (STATE_CODE[state] for state in ("queued", "shipped", "running", "done"))


@dataclass(frozen=True)
class Spans:
    """All attempts, ordered by task and then by time, one array per column; times are NaN where there is none.

    state: index into TASK_STATES; end: index into ENDS; pilot, worker, cause: indices into `texts`;
    last: whether this is its task's latest attempt.
    """

    task: Ints
    attempt: Codes
    group: Codes
    pilot: Codes
    worker: Codes
    queued: Floats
    shipped: Floats
    began: Floats
    ended: Floats
    state: Codes
    end: Codes
    cause: Codes
    last: npt.NDArray[np.bool_]
    texts: tuple[str, ...]
    groups: Mapping[int, Group]

    def __len__(self) -> int:
        return len(self.task)

    def __getitem__(self, index: int) -> Span:
        group = self.groups.get(int(self.group[index]))
        return Span(
            task=int(self.task[index]),
            attempt=int(self.attempt[index]),
            group=group.label if group else f"group {int(self.group[index])}",
            pilot=self.texts[self.pilot[index]],
            worker=self.texts[self.worker[index]],
            queued=_time(self.queued[index]),
            shipped=_time(self.shipped[index]),
            began=_time(self.began[index]),
            ended=_time(self.ended[index]),
            state=TASK_STATES[self.state[index]],
            end=ENDS[self.end[index]],
            cause=self.texts[self.cause[index]],
        )

    def __iter__(self) -> Iterator[Span]:
        return (self[index] for index in range(len(self)))

    def counts(self) -> TaskCounts:
        """Tasks by their present state."""
        numbers = np.bincount(self.state[self.last], minlength=len(TASK_STATES))
        return TaskCounts(*(int(number) for number in numbers))


def _time(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def spans_of(events: TaskColumns, groups: Mapping[int, Group]) -> Spans:
    """Attempts made of `events`, in the order in which these were written.

    A task's first event opens an attempt, and so does each that follows an end or that takes the task back to
    the queue; the latter also ends the attempt before it, with its own cause.
    """
    order = np.argsort(events.task, kind="stable")
    task, mono, state = events.task[order], events.mono[order], events.state[order]
    cause = events.cause[order]
    first = np.ones(len(task), np.bool_)
    first[1:] = task[1:] != task[:-1]
    before = np.full(len(task), -1, np.int32)
    before[1:] = state[:-1]
    again = ~first & ((before >= _DONE) | ((before >= _SHIPPED) & (state <= _SHIPPED)))
    opens = first | again
    span = np.cumsum(opens) - 1
    number = int(span[-1]) + 1 if len(span) else 0

    def when(mask: npt.NDArray[np.bool_]) -> Floats:
        times = np.full(number, np.nan)
        times[span[mask]] = mono[mask]
        return times

    def which(values: Codes, mask: npt.NDArray[np.bool_]) -> Codes:
        found = np.zeros(number, np.int32)
        found[span[mask]] = values[order][mask]
        return found

    placed = state >= _SHIPPED
    terminal = state >= _DONE
    ended, end = when(terminal), np.zeros(number, np.int32)
    end[span[terminal]] = state[terminal] - _DONE + END_CODE["done"]
    why = np.zeros(number, np.int32)
    told = cause > 0
    why[span[told & ~opens]] = cause[told & ~opens]
    alone = first & told  # e.g. a task that is cancelled by its very first event
    why[span[alone]] = cause[alone]
    taken_back = np.flatnonzero(again & (before < _DONE))
    ended[span[taken_back] - 1] = mono[taken_back]
    end[span[taken_back] - 1] = END_CODE[REQUEUED]
    why[span[taken_back] - 1] = cause[taken_back]

    final = np.ones(len(task), np.bool_)
    final[:-1] = span[1:] != span[:-1]
    last = np.ones(number, np.bool_)
    heads = task[opens]
    last[:-1] = heads[1:] != heads[:-1]
    return Spans(
        task=heads,
        attempt=_attempts(which(events.attempt, placed), events.attempt[order][final]),
        group=events.group[order][opens],
        pilot=which(events.pilot, placed & (events.pilot[order] > 0)),
        worker=which(events.worker, placed & (events.worker[order] > 0)),
        queued=when(state == _QUEUED),
        shipped=when(state == _SHIPPED),
        began=when(state == _RUNNING),
        ended=ended,
        state=state[final],
        end=end,
        cause=why,
        last=last,
        texts=events.texts,
        groups=groups,
    )


def _attempts(placed: Codes, latest: Codes) -> Codes:
    """The attempt as shipped, or for one that never was, as its last event says."""
    return np.where(placed > 0, placed, latest).astype(np.int32)
