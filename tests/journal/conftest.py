"""A journal to write into, and a short story to read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilot_quantum.errors import JournalError
from pilot_quantum.journal.store import JournalWriter

Mount = Callable[[str], Path]


@pytest.fixture
def errors() -> list[JournalError]:
    return []


@pytest.fixture
def writer(tmp_path: Path, errors: list[JournalError]) -> Iterator[JournalWriter]:
    journal = JournalWriter(tmp_path / "session", errors.append)
    yield journal
    journal.close()


@pytest.fixture
def story(writer: JournalWriter) -> Path:
    """Two workers, four tasks: one done, one lost and done, one failed, one cancelled in the queue."""
    now = float(_started(writer))
    writer.group(now, 7, "step <1>", "app.step", "cores=1", 0, "loose")
    writer.pilot_row(now, "local-1", "queued", "", "local://?cores=2")
    writer.pilot_row(now + 1, "local-1", "active", "", "")
    for number in (0, 1):
        writer.worker_row(now + 1, "local-1", f"local-1/{number}", "up", 100 + number, "")
    a, b = "local-1/0", "local-1/1"
    writer.task_rows([(now + 1, task, "queued", 0, 7, "", "", "") for task in range(4)])
    writer.task_rows(
        [
            (now + 1, 0, "shipped", 1, 7, "local-1", a, ""),
            (now + 1, 1, "shipped", 1, 7, "local-1", b, ""),
            (now + 1, 0, "running", 1, 7, "local-1", a, ""),
            (now + 1, 1, "running", 1, 7, "local-1", b, ""),
            (now + 2, 3, "cancelled", 0, 7, "", "", "by the user"),
            (now + 3, 0, "done", 1, 7, "local-1", a, ""),
            (now + 3, 1, "queued", 1, 7, "local-1", b, "worker local-1/1 lost: SIGKILL"),
            (now + 3, 1, "shipped", 2, 7, "local-1", a, ""),
            (now + 3, 1, "running", 2, 7, "local-1", a, ""),
            (now + 4, 1, "done", 2, 7, "local-1", a, ""),
            (now + 4, 2, "shipped", 1, 7, "local-1", a, ""),
            (now + 4, 2, "running", 1, 7, "local-1", a, ""),
            (now + 5, 2, "failed", 1, 7, "local-1", a, "ValueError: <angle> & more"),
        ]
    )
    writer.worker_row(now + 3, "local-1", b, "lost", 101, "SIGKILL")
    writer.worker_row(now + 5, "local-1", a, "ended", 100, "")
    writer.pilot_row(now + 5, "local-1", "done", "", "")
    writer.decision_row(now + 3, "task 1", "alone", "its worker was lost")
    writer.close()
    return writer.path.parent


def _started(writer: JournalWriter) -> str:
    from pilot_quantum.journal.reader import JournalReader

    writer.flush()
    with JournalReader(writer.path.parent) as reader:
        return reader.facts["started_mono"]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a small file system in memory; skips where that needs rights that we do not have."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        target = tmp_path / f"mount-{len(mounted)}"
        target.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no mount command here")
        if done.returncode:
            pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
        mounted.append(target)
        return target

    yield make
    for target in mounted:
        subprocess.run(["umount", "-l", str(target)], check=False)
