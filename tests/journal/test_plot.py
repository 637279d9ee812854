from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pilot_quantum.errors import JournalError
from pilot_quantum.journal.plot import write_png
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.report import report_of
from pilot_quantum.journal.store import JournalWriter


@pytest.mark.requires("matplotlib")
def test_a_png_is_drawn(story: Path) -> None:
    with JournalReader(story) as reader:
        write_png(report_of(reader), story / "report.png")
    assert (story / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.requires("matplotlib")
def test_a_session_without_tasks_is_drawn(writer: JournalWriter, tmp_path: Path) -> None:
    writer.close()
    with JournalReader(writer.path.parent) as reader:
        write_png(report_of(reader), tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 1000


def test_missing_matplotlib_is_named_with_its_remedy(story: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with JournalReader(story) as reader, pytest.raises(JournalError, match=r"pip install 'pilot-quantum\[plot\]'"):
        write_png(report_of(reader), story / "report.png")
