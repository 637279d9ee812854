"""Calibrations on disk: whole or not at all, and every file that cannot be read says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pilot_quantum.dreamer import store
from pilot_quantum.dreamer.calibration import Calibration
from pilot_quantum.dreamer.store import load, require_writable, save
from pilot_quantum.errors import CalibrationError
from pilot_quantum.resource.site import look_around

HERE = look_around()
KEPT = Calibration(HERE.machine, HERE.versions, "2026-11-22T12:00:00+00:00", 0.9, ())


def test_what_was_saved_is_loaded(tmp_path: Path):
    save(KEPT, tmp_path / "below" / "local.json")
    assert load(tmp_path / "below" / "local.json") == KEPT
    assert [file.name for file in (tmp_path / "below").iterdir()] == ["local.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException):
    def fails(source: str, target: Path) -> None:
        raise error

    monkeypatch.setattr(store.os, "replace", fails)
    with pytest.raises((CalibrationError, KeyboardInterrupt)):
        save(KEPT, tmp_path / "local.json")
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_is_known_without_writing(tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "directory.json").mkdir()
    for path in (tmp_path / "file" / "local.json", tmp_path / "directory.json", Path("/proc/x/local.json")):
        with pytest.raises(CalibrationError, match="PILOT_QUANTUM_HOME=DIR"):
            require_writable(path)
    require_writable(tmp_path / "new" / "local.json")
    assert not list((tmp_path / "new").iterdir())


def test_where_there_is_no_file_there_is_no_calibration(tmp_path: Path):
    assert load(tmp_path / "local.json") is None


def test_what_is_no_regular_file_is_not_read_and_what_to_do_is_said(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.json")  # to open it would wait for a writer
    (tmp_path / "directory.json").mkdir()
    for name in ("pipe.json", "directory.json"):
        with pytest.raises(CalibrationError, match=r"no regular file\. Remove it.* pilot-quantum dreamer calibrate"):
            load(tmp_path / name)


def test_a_file_of_another_shape_says_how_to_make_one(tmp_path: Path):
    (tmp_path / "local.json").write_bytes(msgspec.json.encode({"date": "today"}))
    with pytest.raises(CalibrationError, match="pilot-quantum dreamer calibrate"):
        load(tmp_path / "local.json")
