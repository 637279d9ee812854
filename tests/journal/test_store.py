from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilot_quantum.errors import JournalError, SessionDirectoryError
from pilot_quantum.journal import store
from pilot_quantum.journal.events import TASK_STATES
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.store import PACK_ROWS, JournalWriter, TaskRow

ids = st.integers(0, 2**53)
texts = st.text(max_size=20)
rows = st.tuples(
    st.floats(0, 1e9),
    ids,
    st.sampled_from(["waiting", "queued", "shipped", "running", "done", "failed", "cancelled"]),
    st.integers(0, 1000),
    st.integers(0, 2**31 - 1),
    texts,
    texts,
    texts,
)


def task_events(path: Path) -> list[TaskRow]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT mono, task, state, attempt, task_group, pilot, worker, cause"
            " FROM task_event ORDER BY chunk, position"
        ).fetchall()
    finally:
        connection.close()


def row(task: int, state: str = "queued", cause: str = "") -> TaskRow:
    return (1.5, task, state, 1, 2, "local-1", "local-1/0", cause)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(rows, max_size=10), max_size=5))
def test_rows_in_are_rows_out(batches: list[list[TaskRow]]) -> None:
    given_rows = [row for batch in batches for row in batch]
    with tempfile.TemporaryDirectory() as directory:
        writer = JournalWriter(Path(directory), _never)
        for batch in batches:
            writer.task_rows(list(batch))
        writer.close()
        with JournalReader(Path(directory)) as reader:
            events = reader.task_events
        columns = (events.mono, events.task, events.state, events.attempt, events.group)
        columns += (events.pilot, events.worker, events.cause)
        read = [
            (mono, task, TASK_STATES[state], attempt, group, *(events.texts[code] for code in names))
            for mono, task, state, attempt, group, *names in zip(*(c.tolist() for c in columns), strict=True)
        ]
        assert read == given_rows
        # SQLite's own JSON functions end a text at its first NUL; everything else the view shows as it was.
        assert task_events(writer.path) == [tuple(_to_nul(value) for value in row) for row in given_rows]


def test_many_rows_keep_their_order_over_packs(writer: JournalWriter) -> None:
    number = 3 * PACK_ROWS + 17
    for start in range(0, number, 100):
        writer.task_rows([row(task) for task in range(start, min(start + 100, number))])
    writer.flush()
    assert [event[1] for event in task_events(writer.path)] == list(range(number))


def test_one_list_of_many_packs_keeps_its_order(writer: JournalWriter) -> None:
    writer.task_rows([row(task) for task in range(2 * PACK_ROWS + 5)])
    writer.flush()
    assert [event[1] for event in task_events(writer.path)] == list(range(2 * PACK_ROWS + 5))


def test_a_transaction_of_many_chunks_keeps_its_order(writer: JournalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CHUNK_BYTES", 50_000)
    monkeypatch.setattr(store, "_TRANSACTION_BYTES", 150_000)
    writer.task_rows([row(task) for task in range(20_000)])
    writer.flush()
    assert [event[1] for event in task_events(writer.path)] == list(range(20_000))
    assert writer._written_bytes == writer._packed_bytes


def test_rows_of_several_threads_all_arrive_each_thread_in_order(writer: JournalWriter) -> None:
    def give(thread: int) -> None:
        for number in range(2000):
            writer.task_rows([row(thread * 10_000 + number)])

    threads = [threading.Thread(target=give, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    tasks = [event[1] for event in task_events(writer.path)]
    for thread in range(4):
        assert [task for task in tasks if task // 10_000 == thread] == [thread * 10_000 + i for i in range(2000)]


def test_a_burst_waits_as_compact_bytes_not_as_objects(writer: JournalWriter) -> None:
    for start in range(0, 40 * PACK_ROWS, 64):
        writer.task_rows([row(task) for task in range(start, start + 64)])
    assert sum(len(batch) for batch in writer._inbox) < 2 * PACK_ROWS
    writer.flush()
    assert writer.dropped == 0


def test_text_that_is_no_unicode_is_written_out(writer: JournalWriter) -> None:
    writer.task_rows([row(1, cause="no file 'a\udcff'"), row(2)])
    writer.pilot_row(1.0, "local-1", "failed", "bad\ud800", "")
    writer.flush()
    assert [event[7] for event in task_events(writer.path)] == ["no file 'a\\udcff'", ""]
    assert writer.error is None


def test_the_file_is_private_and_plain_after_closing(writer: JournalWriter) -> None:
    writer.task_rows([row(1)])
    writer.flush()
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600
    writer.close()
    writer.close()
    assert not writer.path.with_name("journal.sqlite-wal").exists()


def test_every_event_has_monotonic_and_wall_time(story: Path) -> None:
    connection = sqlite3.connect(story / "journal.sqlite")
    for table in ("task_event", "pilot_event", "worker_event", "decision", "task_group"):
        offsets = [wall - mono for mono, wall in connection.execute(f"SELECT mono, wall FROM {table}")]
        assert offsets
        assert max(offsets) - min(offsets) < 60
    facts = dict(connection.execute("SELECT key, value FROM session"))
    assert facts["schema_version"] == "2"
    assert float(facts["ended_mono"]) >= float(facts["started_mono"])
    connection.close()


def test_rows_after_closing_are_dropped_and_counted(writer: JournalWriter) -> None:
    writer.close()
    writer.task_rows([row(1), row(2)])
    writer.session("late", "fact")
    writer.flush()
    assert writer.dropped == 3


def test_a_finished_journal_is_set_aside_not_overwritten(tmp_path: Path) -> None:
    for task in range(3):
        writer = JournalWriter(tmp_path, _never)
        writer.task_rows([row(task)])
        writer.close()
    assert [event[1] for event in task_events(tmp_path / "journal.sqlite")] == [2]
    assert [event[1] for event in task_events(tmp_path / "journal.1.sqlite")] == [0]
    assert [event[1] for event in task_events(tmp_path / "journal.2.sqlite")] == [1]


def test_a_second_writer_is_refused_while_the_first_lives(writer: JournalWriter) -> None:
    with pytest.raises(JournalError, match="another live session"):
        JournalWriter(writer.path.parent, _never)


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SessionDirectoryError, match=r"taken.*Session\(directory="):
        JournalWriter(tmp_path / "taken", _never)


def test_a_directory_in_place_of_the_journal_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    JournalWriter(tmp_path, _never).close()
    assert (tmp_path / "journal.1.sqlite").is_dir()


def test_a_read_only_directory_is_named(mount) -> None:
    directory = mount("size=1m,ro")
    with pytest.raises(SessionDirectoryError, match="Read-only file system"):
        JournalWriter(directory, _never)


def test_a_disk_that_is_full_at_the_start_is_named(mount) -> None:
    directory = mount("size=64k")
    with (directory / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(JournalError, match=r"Session\(directory="):
        JournalWriter(directory, _never)


def test_a_full_disk_is_reported_once_and_what_was_committed_stays(mount) -> None:
    directory, errors = mount("size=2m"), []
    writer = JournalWriter(directory, errors.append)
    writer.task_rows([row(task) for task in range(100)])
    writer.flush()
    for start in range(0, 400_000, PACK_ROWS):
        writer.task_rows([row(task) for task in range(start, start + PACK_ROWS)])
    writer.flush()
    writer.task_rows([row(1)])
    writer.flush()
    writer.close()
    assert len(errors) == 1
    assert writer.error is errors[0]
    assert "full" in str(errors[0])
    assert str(directory / "journal.sqlite") in str(errors[0])
    assert writer.dropped > 0
    with JournalReader(directory) as reader:
        assert len(reader.task_events) >= 100
        assert reader.life == "died"


LIMITED = """
import resource, sys
from pathlib import Path
from pilot_quantum.journal.store import JournalWriter
errors = []
writer = JournalWriter(Path(sys.argv[1]), errors.append)
writer.task_rows([(1.0, task, "queued", 0, 0, "", "", "") for task in range(100)])
writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))   # Python ignores SIGXFSZ
for start in range(0, 200_000, 1000):
    writer.task_rows([(1.0, task, "queued", 0, 0, "", "", "") for task in range(start, start + 1000)])
writer.flush()
writer.close()
print(len(errors), writer.error is errors[0], writer.dropped > 0, errors[0])
"""


def test_a_write_error_is_reported_once(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("1 True True the journal")
    assert run.stderr == ""
    assert len(task_events(tmp_path / "journal.sqlite")) >= 100


def test_a_row_that_is_none_is_reported_not_raised(writer: JournalWriter, errors: list[JournalError]) -> None:
    writer.task_rows([row(1)])
    writer.flush()
    writer.task_rows([(object(),)])  # type: ignore[list-item]
    writer.flush()
    assert [str(error).count("not a TaskRow") for error in errors] == [1]
    assert len(task_events(writer.path)) == 1


def test_a_backlog_has_an_end(writer: JournalWriter, errors: list[JournalError], monkeypatch) -> None:
    monkeypatch.setattr(store, "BACKLOG_BYTES", -1)
    writer.task_rows([row(1)])
    writer.flush()
    assert len(errors) == 1
    assert "faster than the disk" in str(errors[0])
    assert writer.dropped == 1


def test_the_writer_imports_nothing_heavy() -> None:
    code = "import sys, pilot_quantum.journal.store; print([m for m in ('numpy', 'rich', 'typer') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_idle_writer_uses_no_processor(writer: JournalWriter) -> None:
    writer.flush()
    assert not writer._work.is_set()
    assert writer._thread.is_alive()


def _to_nul(value: object) -> object:
    return value.partition("\0")[0] if isinstance(value, str) else value


def _never(error: JournalError) -> None:
    os.write(2, str(error).encode())
    raise AssertionError(error)
