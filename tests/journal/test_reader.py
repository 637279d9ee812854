from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pilot_quantum.errors import JournalError
from pilot_quantum.journal.events import TaskCounts, WorkerEvent
from pilot_quantum.journal.reader import JournalReader, worker_lives
from pilot_quantum.journal.store import JournalWriter

KILLED = """
import os, signal, sys
from pathlib import Path
from pilot_quantum.journal.store import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), print)
writer.task_rows([(1.0, task, "queued", 0, 0, "", "", "") for task in range(5000)])
writer.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    directory = tmp_path / "killed"
    run = subprocess.run([sys.executable, "-c", KILLED, str(directory)], check=False)
    assert run.returncode == -signal.SIGKILL
    return directory


def test_a_story_is_read_back(story: Path) -> None:
    with JournalReader(story) as reader:
        assert reader.life == "ended"
        assert reader.counts == TaskCounts(done=2, failed=1, cancelled=1)
        assert [event.state for event in reader.pilots[0].events] == ["queued", "active", "done"]
        assert reader.pilots[0].description == "local://?cores=2"
        assert [(life.worker, life.state, life.pid) for life in reader.workers] == [
            ("local-1/0", "ended", 100),
            ("local-1/1", "lost", 101),
        ]
        assert reader.groups[7].function == "app.step"
        assert reader.decisions[0].reason == "its worker was lost"


def test_a_live_session_is_read_while_it_writes(writer: JournalWriter) -> None:
    writer.task_rows([(1.0, 1, "queued", 0, 0, "", "", "")])
    writer.flush()
    with JournalReader(writer.path.parent) as reader:
        assert reader.life == "live"
        writer.task_rows([(2.0, 1, "cancelled", 0, 0, "", "", "")])
        writer.flush()
        assert reader.counts == TaskCounts(queued=1)  # one consistent look
    with JournalReader(writer.path.parent) as reader:
        assert reader.counts == TaskCounts(cancelled=1)


def test_a_killed_session_is_read_and_known_to_have_died(killed: Path) -> None:
    assert (killed / "journal.sqlite-wal").exists()
    with JournalReader(killed) as reader:
        assert reader.life == "died"
        assert reader.counts == TaskCounts(queued=5000)


def test_a_killed_sessions_directory_takes_a_new_session_and_keeps_the_old_rows(killed: Path) -> None:
    JournalWriter(killed, _ignore).close()
    for suffix in ("", "-wal"):
        (killed / f"journal.sqlite{suffix}").unlink(missing_ok=True)
        old = killed / f"journal.1.sqlite{suffix}"
        if old.exists():
            old.rename(killed / f"journal.sqlite{suffix}")
    with JournalReader(killed) as reader:
        assert reader.counts == TaskCounts(queued=5000)


@pytest.mark.parametrize("kind", ["killed", "story"])
def test_a_read_only_copy_is_read(kind: str, request: pytest.FixtureRequest, mount) -> None:
    source: Path = request.getfixturevalue(kind)
    copy = mount("size=8m")
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        if (source / name).exists():
            shutil.copy(source / name, copy / name)
    subprocess.run(["mount", "-o", "remount,ro", str(copy)], check=True)
    with JournalReader(copy) as reader:
        assert reader.counts.total == (5000 if kind == "killed" else 4)


def test_a_database_with_a_log_mark_but_no_log_is_read_from_a_read_only_place(killed: Path, mount) -> None:
    connection = sqlite3.connect(killed / "journal.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    copy = mount("size=8m")
    shutil.copy(killed / "journal.sqlite", copy)
    subprocess.run(["mount", "-o", "remount,ro", str(copy)], check=True)
    with JournalReader(copy) as reader:
        assert reader.counts.total == 5000


def test_a_directory_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"holds no journal\.sqlite"):
        JournalReader(tmp_path)


def test_a_newer_schema_says_upgrade(story: Path) -> None:
    _execute(story, "PRAGMA user_version = 99")
    with pytest.raises(JournalError, match=r"schema 99.*Upgrade"):
        JournalReader(story)


def test_another_database_is_refused(tmp_path: Path) -> None:
    _execute(tmp_path, "CREATE TABLE other (x)")
    with pytest.raises(JournalError, match="something else"):
        JournalReader(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database at all, just text " * 200])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.sqlite").write_bytes(content)
    with pytest.raises(JournalError, match="cannot be read"):
        JournalReader(tmp_path)


def test_a_damaged_file_is_named(killed: Path) -> None:
    with JournalReader(killed) as reader:
        assert len(reader.task_events)
    connection = sqlite3.connect(killed / "journal.sqlite")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    path = killed / "journal.sqlite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20_000] = b"\xff" * 20_000
    path.write_bytes(content)
    with JournalReader(killed) as reader, pytest.raises(JournalError, match="damaged"):
        _ = reader.task_events


@pytest.mark.parametrize("events", ["not json", '[["x"]]', '[[1.0,1,"asleep",0,0,"","",""]]'])
def test_damaged_task_events_are_named(story: Path, events: str) -> None:
    _execute(story, "UPDATE task_chunk SET events = ?", events)
    with JournalReader(story) as reader, pytest.raises(JournalError, match="damaged"):
        _ = reader.counts


def test_a_worker_that_comes_again_has_two_lives() -> None:
    def event(mono: float, state: str, pid: int) -> WorkerEvent:
        return WorkerEvent(mono, 0.0, "p", "p/0", state, pid, "")

    lives = worker_lives([event(1, "up", 1), event(2, "lost", 1), event(3, "up", 2)])
    assert [(life.pid, life.began, life.ended, life.state) for life in lives] == [(1, 1, 2, "lost"), (2, 3, None, "up")]


def _execute(directory: Path, statement: str, *values: str) -> None:
    connection = sqlite3.connect(directory / "journal.sqlite")
    with connection:
        connection.execute(statement, values)
    connection.close()


def _ignore(error: JournalError) -> None:
    raise AssertionError(error)


def test_a_journal_of_the_first_schema_has_no_allocations(story: Path) -> None:
    connection = sqlite3.connect(story / "journal.sqlite")
    connection.execute("DROP TABLE allocation_event")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with JournalReader(story) as reader:
        assert reader.allocations == ()
        assert reader.counts.total == 4
        assert reader.until > reader.started
