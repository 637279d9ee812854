from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pilot_quantum.cli.status import status
from pilot_quantum.errors import JournalError
from pilot_quantum.journal.store import JournalWriter

app = typer.Typer()
app.command()(status)
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


def test_tables_tell_tasks_pilots_and_failures(session: Path) -> None:
    result = run.invoke(app, [str(session)])
    assert result.exit_code == 0
    for words in ("ended", "local-1", "[red]step", "ValueError: [bold]x"):
        assert words in result.output


def test_json_is_one_object(session: Path) -> None:
    result = run.invoke(app, [str(session), "--json"])
    status = json.loads(result.output)
    assert status["tasks"]["done"] == status["tasks"]["failed"] == 1
    assert status["pilots"][0]["pilot"] == "local-1"
    assert status["failures"][0]["cause"] == "ValueError: [bold]x"


def test_a_directory_without_a_journal_is_named(tmp_path: Path) -> None:
    result = run.invoke(app, [str(tmp_path)])
    assert isinstance(result.exception, JournalError)
    assert "holds no journal.sqlite" in str(result.exception)


def test_no_directory_is_a_usage_error() -> None:
    assert run.invoke(app, []).exit_code == 2
