"""Output that cannot be written: one line, exit code 1, never a traceback and never silence that looks like success."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest

CIRCUIT = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nh q[0];\ncx q[0],q[1];\n'
PLAN = ["plan", "bell.qasm", "-o", "Z0 Z1"]
COMMANDS = [
    ["--version"],
    ["--help"],
    *(pytest.param(one, marks=pytest.mark.requires("aer")) for one in (PLAN, [*PLAN, "--json"])),
]


@pytest.fixture
def shell(command, tmp_path: Path):
    """Run the command with what a shell makes of its streams."""
    (tmp_path / "bell.qasm").write_text(CIRCUIT)

    def run(arguments: list[str], streams: str, **environ: str) -> subprocess.CompletedProcess[str]:
        line = f"{shlex.join([*command, *arguments])} {streams}"
        environ = {**os.environ, "PILOT_QUANTUM_HOME": str(tmp_path / "home"), **environ}
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize(("streams", "reason"), [("> /dev/full", "No space left"), (">&-", "closed")])
def test_output_that_cannot_be_written_is_one_line_and_1(shell, arguments, streams, reason):
    ended = shell(arguments, streams)
    assert ended.returncode == 1
    assert ended.stderr.startswith("pilot-quantum: standard output cannot be written: ")
    assert reason in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_pipe_whose_reader_has_gone_is_silent(shell, arguments):
    ended = shell(arguments, "| true")
    assert ended.returncode in (0, 1)  # 0 where it had printed all before the reader went
    assert ended.stderr == ""


@pytest.mark.requires("aer")
def test_a_table_is_spelt_in_the_letters_that_stdout_has(shell):
    ended = shell(PLAN, "", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.isascii()
    assert "+---" in ended.stdout
    assert " us" in ended.stdout
    assert "?" not in ended.stdout


@pytest.mark.requires("aer")
@pytest.mark.parametrize("streams", ["2>&-", "2> /dev/full"])
def test_words_that_stderr_does_not_take_neither_end_a_run_nor_go_to_stdout(shell, streams):
    ended = shell(["run", "bell.qasm", "-o", "Z0 Z1", "-p", "local://?cores=1", "--json"], streams)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["circuits"][0]["values"][0]["value"] == pytest.approx(1)
