"""A journal as a Chrome trace: https://ui.perfetto.dev and chrome://tracing open it.

Format: "Trace Event Format" (Google, 2016). A process per pilot, a thread per worker; complete events (`X`)
for running attempts, async events (`b`, `e`) for waiting in the queue, instants (`i`), counters (`C`),
metadata (`M`). Times in the file are microseconds since the start of the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pilot_quantum.journal import measure
from pilot_quantum.journal.columns import Floats, Ints
from pilot_quantum.journal.events import REQUEUED, TASK_STATES
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.spans import ENDS, Spans

WAITS_AT_MOST = 20_000  # beyond, a viewer drowns in them, and the counter of queued tasks tells the same
COUNTER_SAMPLES = 5_000
_SESSION = 1  # the process id, in the trace, of what belongs to no pilot
_COLOURS = {"failed": "terrible", "cancelled": "grey", REQUEUED: "bad"}

Event = dict[str, Any]  # an object of the format: which keys it has depends on its phase, `ph`


@dataclass(frozen=True)
class TraceSummary:
    """What was written: trace events, running slices among them; waits: whether queue waits are, too."""

    path: str
    events: int
    slices: int
    waits: bool


def write_trace(reader: JournalReader, path: Path) -> TraceSummary:
    """Write the trace of `reader`'s session to `path`, event by event.

    Raises OSError when `path` cannot be written.
    """
    events = slices = 0
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(b'{"displayTimeUnit":"ms","otherData":')
        facts = dict(reader.facts)
        file.write(encode(facts))
        file.write(b',"traceEvents":[')
        for event in trace_events(reader):
            file.write(b",\n" if events else b"\n")
            file.write(encode(event))
            events += 1
            slices += event["ph"] == "X"
        file.write(b"\n]}\n")
    return TraceSummary(str(path), events, slices, len(reader.spans) <= WAITS_AT_MOST)


def trace_events(reader: JournalReader) -> Iterator[Event]:
    """Every event of the trace, one by one."""
    places = _Places(reader)
    yield from places.names()
    yield from _instants(reader, places)
    yield from _running(reader, places)
    if len(reader.spans) <= WAITS_AT_MOST:
        yield from _waits(reader)
    yield from _counters(reader)


class _Places:
    """Which process and thread of the trace stand for which pilot and worker."""

    def __init__(self, reader: JournalReader) -> None:
        spans = reader.spans
        began = ~np.isnan(spans.began)
        pairs = {(life.pilot, life.worker) for life in reader.workers}
        codes = np.unique(np.stack([spans.pilot[began], spans.worker[began]]), axis=1)
        pairs |= {(spans.texts[pilot], spans.texts[worker]) for pilot, worker in codes.T}
        names = dict.fromkeys([*(history.pilot for history in reader.pilots), *(pilot for pilot, _ in sorted(pairs))])
        self.processes = {pilot: number for number, pilot in enumerate(names, _SESSION + 1)}
        self.threads = {pair: number for number, pair in enumerate(sorted(pairs, key=_natural), 1)}

    def names(self) -> Iterator[Event]:
        yield _name("process_name", _SESSION, 0, "session")
        for pilot, process in self.processes.items():
            yield _name("process_name", process, 0, f"pilot {pilot}")
        for (pilot, worker), thread in self.threads.items():
            yield _name("thread_name", self.processes[pilot], thread, f"worker {worker}")


def _natural(pair: tuple[str, str]) -> tuple[str, int, str]:
    """Sorts worker 2 before worker 10."""
    return pair[0], len(pair[1]), pair[1]


def _name(kind: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "ts": 0, "args": {"name": name}}


def _instants(reader: JournalReader, places: _Places) -> Iterator[Event]:
    for history in reader.pilots:
        for event in history.events:
            yield {
                "ph": "i",
                "name": f"{event.pilot}: {event.state}",
                "cat": "pilot",
                "s": "p",
                "ts": _microseconds(event.mono - reader.started),
                "pid": places.processes[event.pilot],
                "tid": 0,
                "args": {"cause": event.cause, "description": event.description},
            }
    for worker in reader.worker_events:
        thread = places.threads.get((worker.pilot, worker.worker))
        if thread is not None:
            yield {
                "ph": "i",
                "name": f"{worker.worker}: {worker.state}",
                "cat": "worker",
                "s": "t",
                "ts": _microseconds(worker.mono - reader.started),
                "pid": places.processes[worker.pilot],
                "tid": thread,
                "args": {"pid": worker.pid, "cause": worker.cause},
            }


def _running(reader: JournalReader, places: _Places) -> Iterator[Event]:
    spans = reader.spans
    began, ended = measure.running_times(spans, reader.until)
    order = np.lexsort((began, spans.worker, spans.pilot))
    order = order[~np.isnan(began[order])]
    shown = _without_overlap(spans, began, ended, order)
    labels = _labels(spans)
    for index, until in zip(order.tolist(), shown.tolist(), strict=True):
        pilot, worker = spans.texts[spans.pilot[index]], spans.texts[spans.worker[index]]
        end = ENDS[spans.end[index]]
        event: Event = {
            "ph": "X",
            "name": labels[int(spans.group[index])],
            "cat": "task",
            "ts": _microseconds(began[index] - reader.started),
            "dur": _microseconds(until - began[index]),
            "pid": places.processes[pilot],
            "tid": places.threads[pilot, worker],
            "args": {
                "task": int(spans.task[index]),
                "attempt": int(spans.attempt[index]),
                "end": end or TASK_STATES[spans.state[index]],
                "cause": spans.texts[spans.cause[index]],
                "seconds": round(float(ended[index] - began[index]), 9),
            },
        }
        if end in _COLOURS:
            event["cname"] = _COLOURS[end]
        yield event


def _without_overlap(spans: Spans, began: Floats, ended: Floats, order: Ints) -> Floats:
    """Ends to draw: a viewer cannot nest slices that overlap in part, as reports of a bundle's tasks may."""
    shown: Floats = ended[order].copy()
    same = (spans.pilot[order][1:] == spans.pilot[order][:-1]) & (spans.worker[order][1:] == spans.worker[order][:-1])
    shown[:-1] = np.where(same, np.minimum(shown[:-1], began[order][1:]), shown[:-1])
    return shown


def _waits(reader: JournalReader) -> Iterator[Event]:
    labels = _labels(reader.spans)
    for index, span in enumerate(reader.spans):
        left = span.shipped if span.shipped is not None else span.ended
        if span.queued is None:
            continue
        common: Event = {
            "cat": "queue",
            "name": f"queued: {labels[int(reader.spans.group[index])]}",
            "id": str(index),
            "pid": _SESSION,
            "tid": 0,
        }
        args = {"task": span.task, "attempt": span.attempt}
        end = reader.until if left is None else left
        yield {"ph": "b", "ts": _microseconds(span.queued - reader.started), "args": args, **common}
        yield {"ph": "e", "ts": _microseconds(max(end, span.queued) - reader.started), "args": {}, **common}


def _counters(reader: JournalReader) -> Iterator[Event]:
    spans = reader.spans
    times = np.concatenate([spans.queued, spans.shipped, spans.began, spans.ended])
    times = np.unique(times[~np.isnan(times)])
    if len(times) > COUNTER_SAMPLES:
        times = np.linspace(times[0], times[-1], COUNTER_SAMPLES)
    queued, running = measure.queue_depth(spans, times), measure.running_depth(spans, times)
    for at, waits, runs in zip(times.tolist(), queued.tolist(), running.tolist(), strict=True):
        yield {
            "ph": "C",
            "name": "tasks",
            "ts": _microseconds(at - reader.started),
            "pid": _SESSION,
            "tid": 0,
            "args": {"queued": int(waits), "running": int(runs)},
        }


def _labels(spans: Spans) -> dict[int, str]:
    ids = (int(group) for group in np.unique(spans.group))
    return {group: spans.groups[group].label if group in spans.groups else f"group {group}" for group in ids}


def _microseconds(seconds: float) -> float:
    return round(float(seconds) * 1e6, 3)
