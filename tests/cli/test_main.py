"""The command itself: help, version, exit codes, what it imports."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from pilot_quantum.cli.interrupt import interruptible
from pilot_quantum.cli.main import exit_code
from pilot_quantum.errors import (
    CircuitError,
    CircuitTooLargeError,
    InvalidDescriptionError,
    JournalError,
    PilotLostError,
    PilotQuantumError,
)


def test_version_is_that_of_the_distribution(run_command):
    ended = run_command("--version")
    assert (ended.code, ended.out.strip()) == (0, f"pilot-quantum {version('pilot-quantum')}")


def test_help_names_every_command(run_command):
    ended = run_command("--help")
    assert ended.code == 0
    assert all(name in ended.out for name in ("run", "demo", "status", "trace", "report"))


def test_help_of_run_names_every_option_and_the_forms_of_observables(run_command):
    ended = run_command("run", "--help")
    options = ("--observable", "--shots", "--precision", "--pilot", "--seed", "--directory", "--json")
    assert all(name in ended.out for name in (*options, "OpenQASM 2", "OpenQASM 3", "QPY", "app.py", "Z0 Z3"))


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom pilot_quantum.cli.main import app\n"
        "assert not {'qiskit', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidDescriptionError, 2),
        (CircuitError, 2),
        (CircuitTooLargeError, 2),
        (JournalError, 1),
        (PilotLostError, 1),
        (PilotQuantumError, 1),
    ],
)
def test_what_the_user_can_mend_is_2_and_what_failed_is_1(error: type[PilotQuantumError], code: int):
    assert exit_code(error("words")) == code


def test_an_unknown_option_is_refused_with_the_nearest(refused):
    ended = refused("run", "a.qasm", "--obsrvable", "Z0")
    assert ended.code == 2
    assert "--observable" in ended.err


def test_no_file_is_refused(refused):
    assert refused("run").code == 2


def test_a_warning_that_settings_turn_into_an_error_is_one_line(refused, monkeypatch: pytest.MonkeyPatch):
    def warns():
        raise UserWarning("this will change")

    monkeypatch.setattr("pilot_quantum.cli.main.app", warns)
    ended = refused()
    assert (ended.code, ended.err) == (1, "pilot-quantum: UserWarning, an error by your settings: this will change\n")


def test_ctrl_c_becomes_one_line_and_130(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(typer.Exit) as stopped, interruptible():
        raise KeyboardInterrupt
    assert stopped.value.exit_code == 130
    assert capsys.readouterr().err == "pilot-quantum: interrupted\n"


@pytest.mark.parametrize("arguments", [["run", "a.qasm"], ["demo"]])
def test_without_qiskit_the_extra_is_named(refused, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setattr("pilot_quantum.cli.run.find_spec", lambda name: None)
    ended = refused(*arguments)
    assert ended.code == 1
    assert "pip install 'pilot-quantum[qiskit]'" in ended.err
