from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.report import report_of
from pilot_quantum.journal.summary import summary_of


def test_a_report_sums_a_session_up(story: Path) -> None:
    with JournalReader(story) as reader:
        report = report_of(reader, bins=12)
    assert (report.tasks.done, report.attempts, report.life) == (2, 4, "ended")
    assert report.elapsed == pytest.approx(5)  # its last event: the session was closed before that in this story
    assert report.rate_per_s == pytest.approx(4 / 4)
    assert len(report.queued.values) == 12
    assert report.queued.edges[0] == 0
    assert {fact.key for fact in report.facts} >= {"schema_version", "started_wall", "ended_wall"}


def test_the_summary_is_json(story: Path) -> None:
    with JournalReader(story) as reader:
        summary = msgspec.json.decode(summary_of(report_of(reader), Path("r.html"), None))
    assert summary["tasks"]["failed"] == 1
    assert summary["groups"][0]["p95"] > 0
    assert summary["png"] is None
