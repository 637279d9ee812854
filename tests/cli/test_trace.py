from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pilot_quantum.cli.trace import trace
from pilot_quantum.errors import JournalError
from pilot_quantum.journal.store import JournalWriter

app = typer.Typer()
app.command()(trace)
run = CliRunner()


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """One task done, one failed, on one pilot with one worker."""
    writer, now = JournalWriter(tmp_path / "session", _never), time.monotonic()
    writer.group(now, 1, "[red]step", "app.step", "", 0, "loose")
    writer.pilot_row(now, "local-1", "active", "", "local://?cores=1")
    writer.worker_row(now, "local-1", "local-1/0", "up", 1, "")
    place = (1, 1, "local-1", "local-1/0")
    writer.task_rows([(now, task, "queued", 0, 1, "", "", "") for task in (0, 1)])
    writer.task_rows([(now, 0, "running", *place, ""), (now + 1, 0, "done", *place, "")])
    writer.task_rows([(now + 1, 1, "running", *place, ""), (now + 2, 1, "failed", *place, "ValueError: [bold]x")])
    writer.close()
    return tmp_path / "session"


def _never(error: JournalError) -> None:
    raise AssertionError(error)


def test_a_trace_is_written(session: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    result = run.invoke(app, [str(session), "-o", str(target)])
    assert result.exit_code == 0
    assert "2 running attempts" in result.output
    assert [e["args"]["task"] for e in json.loads(target.read_bytes())["traceEvents"] if e["ph"] == "X"] == [0, 1]


def test_json_says_what_was_written(session: Path, tmp_path: Path) -> None:
    result = run.invoke(app, [str(session), "-o", str(tmp_path / "out.json"), "--json"])
    summary = json.loads(result.output)
    assert (summary["slices"], summary["waits"]) == (2, True)


def test_a_file_that_cannot_be_written_is_named(session: Path, tmp_path: Path) -> None:
    result = run.invoke(app, [str(session), "-o", str(tmp_path / "no" / "out.json")])
    assert isinstance(result.exception, JournalError)
    assert "--output" in str(result.exception)
