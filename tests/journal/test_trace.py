from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilot_quantum.journal import trace
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.journal.trace import write_trace

# What "Trace Event Format" demands of each phase, beside ph, pid, tid, ts and name.
REQUIRED = {"X": {"dur"}, "M": {"args"}, "i": {"s"}, "C": {"args"}, "b": {"id", "cat"}, "e": {"id", "cat"}}


def events_of(directory: Path) -> list[dict]:  # type: ignore[type-arg]
    with JournalReader(directory) as reader:
        summary = write_trace(reader, directory / "trace.json")
    document = json.loads((directory / "trace.json").read_bytes())
    assert document["displayTimeUnit"] in ("ms", "ns")
    assert summary.events == len(document["traceEvents"])
    return document["traceEvents"]


def test_every_event_has_the_keys_of_its_phase(story: Path) -> None:
    events = events_of(story)
    assert {event["ph"] for event in events} == set(REQUIRED)
    for event in events:
        missing = ({"ph", "pid", "tid", "ts", "name"} | REQUIRED[event["ph"]]) - set(event)
        assert not missing
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["ts"] >= 0
        assert event.get("dur", 0) >= 0


def test_slices_lie_on_the_thread_of_their_worker(story: Path) -> None:
    events = events_of(story)
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    processes = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    slices = [e for e in events if e["ph"] == "X"]
    told = [(processes[e["pid"]], names[e["pid"], e["tid"]], e["args"]["task"], e["args"]["end"]) for e in slices]
    assert sorted(told, key=lambda line: line[1:3]) == [
        ("pilot local-1", "worker local-1/0", 0, "done"),
        ("pilot local-1", "worker local-1/0", 1, "done"),
        ("pilot local-1", "worker local-1/0", 2, "failed"),
        ("pilot local-1", "worker local-1/1", 1, "requeued"),
    ]
    assert slices[0]["ts"] == pytest.approx(1e6)
    assert slices[0]["dur"] == pytest.approx(2e6)
    assert [e["args"]["cause"] for e in slices if e["args"]["end"] == "failed"] == ["ValueError: <angle> & more"]


def test_waits_begin_and_end_in_pairs(story: Path) -> None:
    events = events_of(story)
    begins = {e["id"]: e["ts"] for e in events if e["ph"] == "b"}
    ends = {e["id"]: e["ts"] for e in events if e["ph"] == "e"}
    assert begins.keys() == ends.keys()
    assert len(begins) == 5
    assert all(ends[key] >= begins[key] for key in begins)


def test_counters_end_at_zero(story: Path) -> None:
    counters = [e["args"] for e in events_of(story) if e["ph"] == "C"]
    assert max(c["running"] for c in counters) == 2
    assert counters[-1] == {"queued": 0, "running": 0}


def test_waits_are_left_out_of_a_trace_of_very_many_tasks(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "WAITS_AT_MOST", 2)
    assert not [e for e in events_of(story) if e["ph"] in "be"]


def test_slices_that_overlap_in_part_are_cut_for_the_viewer_but_keep_their_length(writer: JournalWriter) -> None:
    from time import monotonic

    now, place = monotonic(), (1, 0, "p", "p/0", "")
    writer.task_rows([(now + 1, 1, "running", *place), (now + 2, 2, "running", *place)])
    writer.task_rows([(now + 3, 1, "done", *place), (now + 4, 2, "done", *place)])
    writer.close()
    first, second = [e for e in events_of(writer.path.parent) if e["ph"] == "X"]
    assert first["ts"] + first["dur"] == pytest.approx(second["ts"])
    assert first["args"]["seconds"] == pytest.approx(2)


def test_an_empty_session_has_a_trace(writer: JournalWriter) -> None:
    writer.close()
    assert [event["ph"] for event in events_of(writer.path.parent)] == ["M"]
