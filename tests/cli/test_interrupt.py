"""Ctrl-C, SIGTERM and SIGHUP: raised where the work is, one line, an exit code, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import typer

from pilot_quantum.cli.interrupt import INTERRUPTED, interruptible

ENDING = [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), ENDING)
def test_a_signal_to_end_is_raised_as_ctrl_c_is_and_becomes_its_own_code(number, code, capsys):
    cleaned = []

    def work():
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            cleaned.append(True)
            raise

    with pytest.raises(typer.Exit) as stopped, interruptible():
        work()
    assert cleaned
    assert stopped.value.exit_code == code
    assert capsys.readouterr().err == f"pilot-quantum: ended by {number.name}\n"
    assert signal.getsignal(number) is signal.SIG_DFL


def test_what_a_command_exits_with_after_a_signal_gives_way_to_the_signals_code():
    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    with pytest.raises(typer.Exit) as stopped, interruptible():
        work()
    assert stopped.value.exit_code == 143


def test_a_terminal_that_has_gone_is_no_error_of_its_own():
    def work():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt:
            raise OSError(5, "Input/output error") from None

    with pytest.raises(typer.Exit) as stopped, interruptible():
        work()
    assert stopped.value.exit_code == 129


def test_further_signals_let_the_end_that_is_under_way_go_on():
    def work():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(typer.Exit) as stopped, interruptible():
        work()
    assert stopped.value.exit_code == 129


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_forked_child_ends_by_a_signal_as_any_process_does():
    with interruptible():
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


@pytest.mark.requires("aer")
@pytest.mark.parametrize(("number", "code"), ENDING)
def test_a_calibration_that_is_ended_leaves_no_directory_and_no_process(number, code, command, tmp_path: Path):
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*command, "dreamer", "calibrate", "--pilot", "local://?cores=1"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PILOT_QUANTUM_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    limit = threading.Timer(120, process.kill)
    limit.start()
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "active" in line:
                break
        assert list((tmp_path / "tmp").iterdir())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        limit.cancel()
        process.kill()
    assert process.returncode == code, err
    assert out == ""
    assert err.endswith(f"pilot-quantum: ended by {number.name}\n")
    assert not list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "home").rglob("*.json"))
