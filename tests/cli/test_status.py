from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from pilot_quantum.cli.status import _parts, status
from pilot_quantum.errors import JournalError
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.status import status_of
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


LONG = "slurm:///normal?cores=4&nodes=2&walltime=600&replace_before=120&account=physics&constraint=fast&name=cluster"


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """A pilot of two allocations, one of which waits."""
    writer, now = JournalWriter(tmp_path / "session", _never), time.monotonic()
    writer.pilot_row(now, "slurm-1", "new", "", f"{LONG} (2 nodes of 4 cores, 0 GPUs, memory as found)")
    writer.decision_row(now, "slurm-1.1", "asked for 2 nodes", "a pilot was added")
    writer.decision_row(now, "8 x cores=1", "capacity wanted", "8 tasks of step wait for a free slot")
    writer.allocation_row(now, "slurm-1", "slurm-1.1", "running", 2, "")
    writer.decision_row(now + 1, "slurm-1.2", "asked for 1 node", "grow: 8 tasks wait, the first for 5 s")
    writer.allocation_row(now + 1, "slurm-1", "slurm-1.2", "pending", 1, "Priority")
    writer.allocation_row(now + 3, "slurm-1", "slurm-1.2", "pending", 1, "Resources")
    writer.worker_row(now + 9, "slurm-1", "slurm-1/0.0", "up", 1, "")
    writer.close()
    return tmp_path / "session"


def test_allocations_and_decisions_are_told(cluster: Path) -> None:
    told = json.loads(run.invoke(app, [str(cluster), "--json"]).output)
    assert [(one["allocation"], one["state"], one["nodes"], one["reason"]) for one in told["allocations"]] == [
        ("slurm-1.1", "running", 2, ""),
        ("slurm-1.2", "pending", 1, "Resources"),
    ]
    assert told["allocations"][1]["since_s"] == pytest.approx(8)  # since it waits, not since it waits for this
    assert [one["subject"] for one in told["decisions"]] == ["slurm-1.1", "slurm-1.2"]
    output = run.invoke(app, [str(cluster)]).output
    for words in ("slurm-1.2", "Resources", "asked for 1 node", "grow: 8 tasks wait"):
        assert words in output


def test_nothing_is_squeezed_in_a_terminal_of_80_columns(cluster: Path) -> None:
    with JournalReader(cluster) as reader:
        state = status_of(reader)
    screen = Console(width=80, file=io.StringIO())
    for part in _parts(state):
        screen.print(part)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) < 40
    assert max(map(len, lines)) <= 80
    for words in ("slurm:///normal?cores=4&nodes=2&walltime=600", "grow: 8 tasks wait", "Resources"):
        assert any(words in line for line in lines), words
