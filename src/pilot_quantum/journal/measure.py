"""Figures from a journal: utilisation, throughput, durations and failures. All times in monotonic seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pilot_quantum.journal.columns import Floats
from pilot_quantum.journal.events import REQUEUED, Span, WorkerLife
from pilot_quantum.journal.spans import END_CODE, Spans

_ENDS_COUNTED = ("done", "failed", "cancelled", REQUEUED)


@dataclass(frozen=True)
class Curve:
    """A quantity over time: `values[i]` is of `edges[i]` to `edges[i + 1]`, NaN where undefined."""

    edges: Floats
    values: Floats


@dataclass(frozen=True)
class Utilisation:
    """How busy one pilot was: its worker-seconds, busy and available, and their ratio over time."""

    pilot: str
    busy: float
    available: float
    curve: Curve

    @property
    def mean(self) -> float | None:
        """busy / available, or None for a pilot that never had a worker."""
        return self.busy / self.available if self.available > 0 else None


@dataclass(frozen=True)
class GroupFigures:
    """Durations (begin to end) and waits (queued to begin) of one group's finished attempts, in seconds."""

    group: str
    function: str
    done: int
    failed: int
    cancelled: int
    requeued: int
    mean: float | None
    p50: float | None
    p95: float | None
    wait_mean: float | None
    wait_p50: float | None
    wait_p95: float | None


def utilisation(
    spans: Spans, workers: tuple[WorkerLife, ...], start: float, until: float, bins: int = 200
) -> tuple[Utilisation, ...]:
    """Busy over available worker-seconds of each pilot that had workers, between `start` and `until`.

    A task whose group's needs name several cores keeps as many workers busy.
    """
    edges = np.linspace(start, max(until, start + 1e-9), bins + 1)
    began, ended = running_times(spans, until)
    weights = cores_of(spans)
    figures = []
    for pilot in dict.fromkeys(life.pilot for life in workers):
        own = [life for life in workers if life.pilot == pilot]
        ups = np.array([life.began for life in own])
        downs = np.array([until if life.ended is None else life.ended for life in own])
        available = _integral(ups, downs, np.ones(len(own)), edges)
        here = _on(spans, pilot) & ~np.isnan(began)
        busy = np.minimum(_integral(began[here], ended[here], weights[here], edges), available)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(available > 1e-12, busy / available, np.nan)
        figures.append(Utilisation(pilot, float(busy.sum()), float(available.sum()), Curve(edges, ratio)))
    return tuple(figures)


def throughput(spans: Spans, start: float, until: float, bins: int = 200) -> Curve:
    """Tasks done, per second."""
    edges = np.linspace(start, max(until, start + 1e-9), bins + 1)
    counts, _ = np.histogram(spans.ended[spans.end == END_CODE["done"]], edges)
    return Curve(edges, counts / np.diff(edges))


def finished_per_second(spans: Spans, start: float, until: float) -> float | None:
    """Tasks that ended between `start` and `until`, per second; None when that is no time at all."""
    if until <= start:
        return None
    ends = (spans.end != END_CODE[""]) & (spans.end != END_CODE[REQUEUED])
    return int(np.count_nonzero(ends & (spans.ended >= start) & (spans.ended <= until))) / (until - start)


def queue_depth(spans: Spans, times: Floats) -> Floats:
    """Attempts that wait in the queue at each of `times`."""
    left = np.where(np.isnan(spans.shipped), spans.ended, spans.shipped)
    return _between(spans.queued, left, times)


def running_depth(spans: Spans, times: Floats, pilot: str | None = None) -> Floats:
    """Attempts that run (on `pilot`, or anywhere) at each of `times`."""
    here = slice(None) if pilot is None else _on(spans, pilot)
    return _between(spans.began[here], spans.ended[here], times)


def group_figures(spans: Spans) -> tuple[GroupFigures, ...]:
    """One line for each group that has tasks, in the order of group ids."""
    duration, wait = spans.ended - spans.began, spans.began - spans.queued
    done = spans.end == END_CODE["done"]
    order = np.argsort(spans.group, kind="stable")
    ids, starts = np.unique(spans.group[order], return_index=True)
    figures = []
    for group, members in zip(ids, np.split(order, starts[1:]) if len(ids) else (), strict=True):
        known = spans.groups.get(int(group))
        ends = np.bincount(spans.end[members], minlength=len(END_CODE))
        of_done = members[done[members]]
        done_of, failed, cancelled, requeued = (int(ends[END_CODE[end]]) for end in _ENDS_COUNTED)
        mean, p50, p95 = _summary(duration[of_done])
        wait_mean, wait_p50, wait_p95 = _summary(wait[of_done])
        figures.append(
            GroupFigures(
                group=known.label if known else f"group {int(group)}",
                function=known.function if known else "",
                done=done_of,
                failed=failed,
                cancelled=cancelled,
                requeued=requeued,
                mean=mean,
                p50=p50,
                p95=p95,
                wait_mean=wait_mean,
                wait_p50=wait_p50,
                wait_p95=wait_p95,
            )
        )
    return tuple(figures)


def failures(spans: Spans, limit: int | None = None) -> tuple[Span, ...]:
    """The latest attempts that failed for good, newest first."""
    return _latest(spans, spans.last & (spans.end == END_CODE["failed"]), limit)


def setbacks(spans: Spans, limit: int | None = None) -> tuple[Span, ...]:
    """The latest attempts that went back to the queue for a reason (lost, revoked, retried), newest first."""
    return _latest(spans, _setbacks(spans), limit)


def number_of_setbacks(spans: Spans) -> int:
    """How many attempts went back to the queue for a reason."""
    return int(np.count_nonzero(_setbacks(spans)))


def running_times(spans: Spans, until: float) -> tuple[Floats, Floats]:
    """Begin and end of each attempt's running; `until` for those that still run, NaN for those that never did."""
    ended = np.where(np.isnan(spans.ended), until, spans.ended)
    return spans.began, np.where(np.isnan(spans.began), np.nan, np.maximum(ended, spans.began))


def cores_of(spans: Spans) -> Floats:
    """Cores that each attempt holds: from its group's needs ("cores=4", "4 cores"), 1 where they say nothing."""
    cores = {group: _cores(known.needs) for group, known in spans.groups.items()}
    ids, inverse = np.unique(spans.group, return_inverse=True)
    return np.array([float(cores.get(int(group), 1)) for group in ids])[inverse] if len(ids) else np.zeros(0)


def _cores(needs: str) -> int:
    found = re.search(r"\bcores=(\d+)|\b(\d+) cores?\b", needs)
    return max(1, int(found[1] or found[2])) if found else 1


def _on(spans: Spans, pilot: str) -> npt.NDArray[np.bool_]:
    code = spans.texts.index(pilot) if pilot in spans.texts else -1
    return np.asarray(spans.pilot == code, np.bool_)


def _integral(starts: Floats, ends: Floats, weights: Floats, edges: Floats) -> Floats:
    """Weighted seconds of the intervals that fall between each two edges, exactly."""
    times = np.concatenate([starts, ends])
    order = np.argsort(times, kind="stable")
    times = times[order]
    if not len(times):
        return np.zeros(len(edges) - 1)
    level = np.cumsum(np.concatenate([weights, -weights])[order])
    area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(times))])
    return np.diff(np.interp(edges, times, area))


def _between(starts: Floats, ends: Floats, times: Floats) -> Floats:
    began = np.searchsorted(np.sort(starts[~np.isnan(starts)]), times, side="right")
    stopped = np.searchsorted(np.sort(ends[~np.isnan(ends) & ~np.isnan(starts)]), times, side="right")
    return (began - stopped).astype(np.float64)


def _summary(values: Floats) -> tuple[float | None, float | None, float | None]:
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None, None
    return float(values.mean()), float(np.percentile(values, 50)), float(np.percentile(values, 95))


def _setbacks(spans: Spans) -> npt.NDArray[np.bool_]:
    return np.asarray((spans.end == END_CODE[REQUEUED]) & (spans.cause > 0), np.bool_)


def _latest(spans: Spans, mask: npt.NDArray[np.bool_], limit: int | None) -> tuple[Span, ...]:
    found = np.flatnonzero(mask)
    newest = found[np.argsort(-spans.ended[found], kind="stable")][:limit]
    return tuple(spans[int(index)] for index in newest)
