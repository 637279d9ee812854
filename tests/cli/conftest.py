"""Running the command line: in this process for what is refused at once, as a process of its own for the rest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

COMMAND = (sys.executable, "-m", "pilot_quantum.cli.main")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command() -> tuple[str, ...]:
    return COMMAND


@pytest.fixture
def run_command(tmp_path: Path) -> Callable[..., Ended]:
    """Run `pilot-quantum` with these arguments in an empty directory."""

    def run(*arguments: object) -> Ended:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Call the command's `main` here with arguments that it refuses; nothing may have been started."""

    def call(*arguments: object) -> Ended:
        from pilot_quantum.cli.main import main

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["pilot-quantum", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        assert not (tmp_path / ".pilot-quantum").exists(), "a session was opened before the input was checked"
        assert "Traceback" not in captured.err
        assert captured.out == ""
        return Ended(int(str(stopped.value.code)), captured.out, captured.err)

    return call
