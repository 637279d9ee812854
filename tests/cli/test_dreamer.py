from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pilot_quantum.cli import dreamer as command
from pilot_quantum.cli.main import app
from pilot_quantum.dreamer import suite as suites
from pilot_quantum.dreamer.places import path_of
from pilot_quantum.dreamer.store import load
from pilot_quantum.dreamer.suite import Benchmark
from pilot_quantum.errors import CalibrationError

pytestmark = pytest.mark.requires("aer")

FEW = (Benchmark("aer-statevector", "ghz", 3, 1), Benchmark("dispatch", "", 2, 0))
runner = CliRunner()


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A suite of two, and a home of its own."""
    monkeypatch.setenv("PILOT_QUANTUM_HOME", str(tmp_path))
    monkeypatch.setattr(suites, "suite", lambda *options: FEW)


def test_calibrating_measures_a_pilot_and_keeps_what_it_found(few):
    done = runner.invoke(app, ["dreamer", "calibrate", "--pilot", "local://?cores=1", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    kept = load(path_of("local://"))
    assert printed["path"] == str(path_of("local://"))
    assert printed["calibration"]["noise"] is None
    assert {rates.model for rates in kept.rates} == {"aer-statevector", "dispatch"}
    assert printed["calibration"]["machine"]["processor"] == kept.machine.processor


def test_a_table_is_printed_for_people(few):
    done = runner.invoke(app, ["dreamer", "calibrate", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "aer-statevector" in done.stdout
    assert "kept in" in done.stdout
    assert "is not known: one round" in done.stdout


def test_ctrl_c_keeps_nothing(few, monkeypatch):
    def interrupted(description, rounds):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_calibrated", interrupted)
    done = runner.invoke(app, ["dreamer", "calibrate"])
    assert done.exit_code == 130
    assert load(path_of("local://")) is None


def test_where_it_cannot_be_kept_nothing_is_measured(few, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_HOME", "/proc/x")
    monkeypatch.setattr(command, "_calibrated", lambda *_: pytest.fail("it was measured"))
    done = runner.invoke(app, ["dreamer", "calibrate"])
    assert isinstance(done.exception, CalibrationError)
    assert "PILOT_QUANTUM_HOME=DIR" in str(done.exception)
