from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pilot_quantum.cli.report import report
from pilot_quantum.errors import JournalError
from pilot_quantum.journal.store import JournalWriter

app = typer.Typer()
app.command()(report)
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


def test_a_page_is_written(session: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    result = run.invoke(app, [str(session), "-o", str(target)])
    assert result.exit_code == 0
    assert "2 tasks, 1 failed" in result.output
    assert target.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.requires("matplotlib")
def test_json_says_figures_and_files(session: Path, tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    result = run.invoke(app, [str(session), "-o", str(tmp_path / "out.html"), "--png", str(picture), "--json"])
    summary = json.loads(result.output)
    assert summary["tasks"]["done"] == 1
    assert summary["groups"][0]["mean"] == pytest.approx(1)
    assert summary["png"] == str(picture)
    assert picture.exists()


def test_a_file_that_cannot_be_written_is_named(session: Path, tmp_path: Path) -> None:
    result = run.invoke(app, [str(session), "-o", str(tmp_path / "no" / "out.html")])
    assert isinstance(result.exception, JournalError)
    assert "--output" in str(result.exception)
