"""The task that leads a gang: starts the ranks on its nodes, listens to them, and makes one answer of theirs."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from pilot_quantum.errors import MPIError
from pilot_quantum.resource.agent.marks import kill_tree
from pilot_quantum.resource.payload import dump
from pilot_quantum.workload.mpi.command import gang_here, launch, program
from pilot_quantum.workload.mpi.frames import Listener, Said
from pilot_quantum.workload.mpi.function import GIVEN
from pilot_quantum.workload.mpi.rank import SCRIPT
from pilot_quantum.workload.mpi.result import MPIResult

_TAIL = 4000
"""Characters of a failed rank's error output in the message."""
_LONGEST = 100_000
"""Bytes of a script, compressed, that travel in an environment variable."""
_ENDED = (128 + signal.SIGKILL, 128 + signal.SIGTERM)
"""Exit codes of ranks that others have ended."""
_CLEANUP = 1.0
"""Seconds for a launcher to end the other ranks when one has failed: often hydra does not, over several hosts."""


def run_function(function: bytes, ranks: int, *args: Any, **kwargs: Any) -> Any:
    """Run a pickled function on `ranks` ranks at once; rank 0's value. Raises MPIError when a rank fails."""
    spec = pickle.dumps((list(sys.path), function, dump((args, kwargs))))
    listener = _run(ranks, None, given=spec)
    return pickle.loads(listener.ranks[0].value)


def run_script(script: str, text: bytes, ranks: int, *arguments: str) -> MPIResult:
    """Run a Python script, whose content is `text`, or another program on `ranks` ranks at once.

    Raises MPIError when a rank's exit code is not zero.
    """
    if not text:
        return _result(_run(ranks, [script, *arguments]))
    travelling = base64.b64encode(zlib.compress(text)).decode()
    # A larger one must lie on a disk that all hosts see: the kernel passes no longer variable on.
    carried = {SCRIPT: travelling} if len(travelling) < _LONGEST else {}
    return _result(_run(ranks, [sys.executable, script, *arguments], carried))


def _run(
    ranks: int, script: Sequence[str] | None, extra: Mapping[str, str] | None = None, given: bytes = b""
) -> Listener:
    gang = gang_here(ranks, os.environ)
    listener = Listener(ranks)
    with tempfile.TemporaryDirectory(prefix="pilot-quantum-mpi-") as folder:
        if given:  # not by stdin, of which hydra takes no more than a rank reads at once
            extra = {GIVEN: str(Path(folder, "function"))}
            Path(extra[GIVEN]).write_bytes(given)
        added = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)} | dict(extra or {})
        start = launch(gang, os.environ, script[0] if script else None, Path(folder), added)
        process = subprocess.Popen(
            [*start.argv, *program(ranks, script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=start.environ,
        )
        assert process.stdout is not None
        late = threading.Timer(_CLEANUP, _end, [process, start.farewell])
        late.daemon = True
        try:
            for line in process.stdout:
                listener.take([line])
                if listener.failed and not late.is_alive() and not late.finished.is_set():
                    late.start()
            code = process.wait()
        except BaseException:
            _end(process, start.farewell)
            raise
        finally:
            late.cancel()
    _show(listener)
    failed = [(rank, listener.ranks[rank]) for rank in listener.ends if listener.ranks[rank].exit_code]
    if failed or code or any(said.exit_code is None for said in listener.ranks):
        raise MPIError(_story(listener, failed, code))
    return listener


def _end(process: subprocess.Popen[bytes], farewell: float) -> None:
    """End a launcher and its ranks."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(farewell)
    if process.returncode is None:
        kill_tree(psutil.Process(process.pid))
        process.wait()


def _show(listener: Listener) -> None:
    """What the ranks have printed is what this task prints."""
    for said in listener.ranks:
        sys.stdout.write(said.stdout.decode(errors="replace"))
        sys.stderr.write(said.stderr.decode(errors="replace"))


def _story(listener: Listener, failed: Sequence[tuple[int, Said]], code: int) -> str:
    """Who failed, how, and in which words. The first that failed by itself: others were ended because of it."""
    ranks = len(listener.ranks)
    own = [(rank, said) for rank, said in failed if said.exit_code not in _ENDED]
    own = own or [(rank, said) for rank, said in enumerate(listener.ranks) if said.stderr.strip()] or list(failed)
    if own:
        rank, said = own[0]
        words = said.stderr.decode(errors="replace").strip()[-_TAIL:] or "(it printed no error)"
        end = "was ended" if said.exit_code is None else f"exited with code {said.exit_code}"
        return f"rank {rank} of {ranks} {end}, saying:\n{words}"
    silent = [str(rank) for rank, said in enumerate(listener.ranks) if said.exit_code is None]
    words = "\n".join(listener.other)[-_TAIL:].strip() or "(nothing)"
    return (
        f"the MPI launcher exited with code {code}, and of {ranks} ranks {', '.join(silent) or 'none'} did not report "
        f"an end. It says:\n{words}"
    )


def _result(listener: Listener) -> MPIResult:
    return MPIResult(
        tuple(said.exit_code or 0 for said in listener.ranks),
        tuple(said.stdout.decode(errors="replace") for said in listener.ranks),
        tuple(said.stderr.decode(errors="replace") for said in listener.ranks),
    )
