"""Bars of a Gantt chart: who ran what when, merged where a bar would be too short to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pilot_quantum.journal import measure
from pilot_quantum.journal.columns import Codes, Ints
from pilot_quantum.journal.spans import ENDS, Spans

LANES_AT_MOST = 64
BARS_AT_MOST = 6_000  # some 150 bytes each: keeps a report well below 2 MB
SHORT_OF_LANE = 800  # parts of a lane's length; what is shorter is merged where there are too many bars


@dataclass(frozen=True)
class Bar:
    """What a lane did from `began` to `ended` (seconds after the start of the session).

    tasks: attempts that this bar stands for; busy: share of its length in which they ran; end: how it ended,
    of several the gravest.
    """

    lane: int
    began: float
    ended: float
    group: str
    tasks: int
    busy: float
    end: str
    hint: str


@dataclass(frozen=True)
class Gantt:
    """lanes: (pilot, worker) from top to bottom; hidden: how many more workers there were."""

    lanes: tuple[tuple[str, str], ...]
    hidden: int
    bars: tuple[Bar, ...]


def gantt_of(spans: Spans, start: float, until: float) -> Gantt:
    """Bars of all running attempts between `start` and `until` (monotonic seconds)."""
    began, _ = measure.running_times(spans, until)
    ran = np.flatnonzero(~np.isnan(began))
    key = spans.pilot[ran].astype(np.int64) * len(spans.texts) + spans.worker[ran]
    keys = np.unique(key)
    names = sorted(
        ((spans.texts[code // len(spans.texts)], spans.texts[code % len(spans.texts)], code) for code in keys.tolist()),
        key=lambda name: (name[0], len(name[1]), name[1]),
    )
    bars: list[Bar] = []
    lanes = names[:LANES_AT_MOST]
    for lane, (_, _, code) in enumerate(lanes):
        members = ran[key == code]
        bars.extend(_bars_of_lane(spans, lane, members[np.argsort(began[members])], start, until, len(lanes)))
    return Gantt(tuple((pilot, worker) for pilot, worker, _ in lanes), len(names) - len(lanes), tuple(bars))


def _bars_of_lane(spans: Spans, lane: int, members: Ints, start: float, until: float, lanes: int) -> list[Bar]:
    if not len(members):
        return []
    began, ended = (times[members] for times in measure.running_times(spans, until))
    budget = max(50, min(SHORT_OF_LANE, BARS_AT_MOST // lanes // 2))
    cell = max(until - start, 1e-9) / budget
    if len(members) <= budget:
        piece = np.arange(len(members))
    else:  # neighbours that begin in the same cell and are shorter than it become one
        own = (ended - began) >= cell
        place = np.floor((began - start) / cell)
        opens = np.ones(len(members), np.bool_)
        opens[1:] = own[1:] | own[:-1] | (place[1:] != place[:-1])
        piece = np.cumsum(opens) - 1
    heads = np.flatnonzero(np.diff(piece, prepend=-1))
    sizes = np.diff(np.append(heads, len(members)))
    latest = np.maximum.reduceat(ended, heads)
    busy = np.add.reduceat(ended - began, heads)
    grave = np.maximum.reduceat(_gravity(spans.end[members]), heads)
    bars = []
    for head, size, end, load, gravity in zip(heads, sizes, latest, busy, grave, strict=True):
        span = spans[int(members[head])]
        length = float(end - began[head])
        ended_as = _GRAVITY[int(gravity)]
        hint = (
            f"{size} tasks from task {span.task} on"
            if size > 1
            else f"task {span.task}, attempt {span.attempt}: {span.end or span.state}"
            + (f" ({span.cause})" * bool(span.cause))
        )
        share = min(1.0, float(load) / length) if length > 0 else 1.0
        bars.append(
            Bar(
                lane,
                float(began[head]) - start,
                float(end) - start,
                span.group,
                int(size),
                share,
                ended_as,
                hint,
            )
        )
    return bars


_GRAVITY = ("done", "", "cancelled", "requeued", "failed")


def _gravity(ends: Codes) -> Codes:
    return np.array([_GRAVITY.index(end) for end in ENDS], np.int32)[ends]
