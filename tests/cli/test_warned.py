"""What Pilot-Quantum warns of is a line of the command's own; other warnings are Python's."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import msgspec
import pytest

from pilot_quantum.cli.warned import told
from pilot_quantum.dreamer.calibration import Calibration, CalibrationWarning
from pilot_quantum.dreamer.places import path_of
from pilot_quantum.dreamer.store import save
from pilot_quantum.resource.site import look_around


def test_a_warning_is_told_once_and_without_source(capsys: pytest.CaptureFixture[str]):
    with told():
        for _ in range(2):
            warnings.warn("rates are assumed.", CalibrationWarning, stacklevel=1)
    assert capsys.readouterr().err == "pilot-quantum: rates are assumed.\n"


def test_it_is_no_error_even_where_warnings_are(capsys: pytest.CaptureFixture[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with told():
            warnings.warn("rates are assumed.", CalibrationWarning, stacklevel=1)
            with pytest.raises(UserWarning, match="of another"):
                warnings.warn("of another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "pilot-quantum: rates are assumed.\n"


def test_warnings_of_others_stay_as_python_shows_them(capsys: pytest.CaptureFixture[str]):
    with pytest.warns(UserWarning, match="of another"), told():
        warnings.warn("of another", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == ""


@pytest.mark.requires("aer")
@pytest.mark.parametrize("setting", ["default", "error::UserWarning"])
def test_planning_with_a_calibration_of_another_machine_says_so_in_two_sentences(
    setting: str, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PILOT_QUANTUM_HOME", str(tmp_path))
    here = look_around()
    other = msgspec.structs.replace(here.machine, processor="Some other CPU")
    save(Calibration(other, here.versions, "2026-11-22T12:00:00+00:00", 0.9, ()), path_of("local://"))
    (tmp_path / "bell.qasm").write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nh q[0];\ncx q[0],q[1];\n')
    ended = subprocess.run(
        [sys.executable, *command[1:], "plan", "bell.qasm", "-o", "Z0", "-p", "local://", "-p", "local://"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONWARNINGS": setting},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "CalibrationWarning" not in ended.stderr
    (said,) = (line for line in ended.stderr.splitlines() if "Some other CPU" in line)
    assert said.startswith("pilot-quantum: pilot 'local-1': the calibration of 2026-11-22")
    assert said.endswith("pilot-quantum dreamer calibrate. Until then its predictions rest on assumed rates.")
