from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pilot_quantum.journal.columns import decode
from pilot_quantum.journal.gantt import BARS_AT_MOST, LANES_AT_MOST, gantt_of
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.spans import Spans, spans_of


def many(tasks: int, workers: int) -> Spans:
    rows = []
    for task in range(tasks):
        began = task // workers * 0.01
        place = ("p", f"p/{task % workers}", "")
        end = "failed" if task == tasks // 2 else "done"
        rows += [(began, task, "running", 1, 0, *place), (began + 0.009, task, end, 1, 0, *place)]
    return spans_of(decode([msgspec.json.encode(rows)]), {})


def test_a_bar_for_each_attempt_that_ran(story: Path) -> None:
    with JournalReader(story) as reader:
        chart = gantt_of(reader.spans, reader.started, reader.until)
    assert chart.lanes == (("local-1", "local-1/0"), ("local-1", "local-1/1"))
    assert [(bar.lane, bar.end, bar.tasks) for bar in chart.bars] == [
        (0, "done", 1),
        (0, "done", 1),
        (0, "failed", 1),
        (1, "requeued", 1),
    ]
    assert chart.bars[0].began == pytest.approx(1)
    assert chart.bars[0].ended == pytest.approx(3)


def test_short_neighbours_are_merged_and_none_is_forgotten() -> None:
    spans = many(30_000, 3)
    chart = gantt_of(spans, 0.0, 100.0)
    assert len(chart.bars) <= BARS_AT_MOST
    assert sum(bar.tasks for bar in chart.bars) == 30_000
    assert all(0.85 < bar.busy <= 1 for bar in chart.bars)
    assert [bar.end for bar in chart.bars].count("failed") == 1


def test_lanes_beyond_the_last_that_fits_are_counted_and_worker_2_comes_before_10() -> None:
    chart = gantt_of(many(1000, LANES_AT_MOST + 6), 0.0, 1.0)
    assert chart.hidden == 6
    assert [worker for _, worker in chart.lanes[:3]] == ["p/0", "p/1", "p/2"]


def test_an_attempt_that_still_runs_reaches_to_the_end() -> None:
    rows = [(1.0, 1, "running", 1, 0, "p", "p/0", "")]
    (bar,) = gantt_of(spans_of(decode([msgspec.json.encode(rows)]), {}), 0.0, 7.0).bars
    assert (bar.began, bar.ended, bar.end) == (1.0, 7.0, "")


def test_nothing_ran() -> None:
    assert gantt_of(spans_of(decode([]), {}), 0.0, 1.0).bars == ()
