"""Commands of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pilot_quantum.resource.launchers.shell import Finished, ShellError

_KEPT = frozenset({"SLURM_CONF", "SLURM_CLUSTERS"})
_DROPPED = ("SLURM_", "SQUEUE_", "SACCT_", "SCONTROL_")
"""A session inside a job must not pass its own job's settings on, nor let the user's formats confuse our parsers."""


class LocalShell:
    """Runs programs as children of this process. Implements `Shell`."""

    place = ""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment) if environment is not None else None

    def run(self, argv: Sequence[str], input: bytes = b"", timeout: float = 60.0) -> Finished:
        """Run a program and wait. Raises ShellError when it cannot be started or takes too long."""
        # Files, not pipes: a grandchild that keeps its stdout open must not hold us beyond the time limit.
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin.write(input)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    list(argv),
                    stdin=stdin,
                    stdout=out,
                    stderr=err,
                    env=self._environment if self._environment is not None else _environment(),
                    close_fds=True,
                    start_new_session=True,
                )
            except OSError as error:
                raise ShellError(f"{argv[0]} cannot be run here: {error.strerror or error}") from error
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise ShellError(f"{argv[0]} did not answer within {timeout:g} s") from None
            out.seek(0)
            err.seek(0)
            stdout, stderr = (stream.read().decode(errors="replace") for stream in (out, err))
        return Finished(process.returncode, stdout, stderr)

    def write(self, path: str, content: bytes, mode: int = 0o600, timeout: float = 60.0) -> None:
        """Write a file at once or not at all. Raises ShellError with the system's words."""
        target = Path(path)
        temporary = ""
        try:
            _make_directories(target.parent)
            descriptor, temporary = tempfile.mkstemp(dir=target.parent)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
            os.replace(temporary, target)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise ShellError(f"{path} cannot be written: {error.strerror or error}") from error


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key in _KEPT or not key.startswith(_DROPPED)}


def _make_directories(directory: Path) -> None:
    if not directory.is_dir():
        _make_directories(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
