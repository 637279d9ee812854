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

    monkeypatch.setattr(command, "calibrated_on", interrupted)
    done = runner.invoke(app, ["dreamer", "calibrate"])
    assert done.exit_code == 130
    assert load(path_of("local://")) is None


def test_where_it_cannot_be_kept_nothing_is_measured(few, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_HOME", "/proc/x")
    monkeypatch.setattr(command, "calibrated_on", lambda *_: pytest.fail("it was measured"))
    done = runner.invoke(app, ["dreamer", "calibrate"])
    assert isinstance(done.exception, CalibrationError)
    assert "PILOT_QUANTUM_HOME=DIR" in str(done.exception)


@pytest.mark.parametrize("memory", ["1KiB", "100MiB"])
def test_too_little_memory_is_refused_as_planning_does(refused, memory):
    ended = refused("dreamer", "calibrate", "--pilot", f"local://?memory={memory}")
    assert ended.code == 2
    assert "calibrating takes 208 MiB of memory" in ended.err
    assert "needs=" not in ended.err


def test_a_pilot_that_ends_is_the_cause_alone_with_what_a_caller_can_do(run_command, monkeypatch, tmp_path):
    monkeypatch.setenv("PILOT_QUANTUM_HOME", str(tmp_path / "home"))
    ended = run_command("dreamer", "calibrate", "--pilot", "local://?walltime=1s")
    assert (ended.code, ended.out) == (1, "")
    last = ended.err.splitlines()[-1]
    assert last.startswith("pilot-quantum: --pilot 'local://?walltime=1.0' has ended before it was calibrated")
    assert ": its walltime of 1 s is over. To try it out: pilot-quantum pilots check" in last
    assert "wait_for_capacity" not in ended.err
