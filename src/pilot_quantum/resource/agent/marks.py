"""The mark that every process which a worker starts inherits: an environment variable that tells whose it is.

A process that a task detached (its parent has ended, its session and process group are its own) is tied to its worker
by nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil

MARK = "PILOT_QUANTUM_WORKER"
"""Its value: TOKEN/WORKER/GENERATION; the token is random, one for each guard."""
_ROUNDS = 5


def mark_of(process: psutil.Process) -> str:
    """The mark of a process; empty where it has none, is gone or is not ours to look at."""
    with contextlib.suppress(psutil.Error, OSError):
        return str(process.environ().get(MARK, ""))
    return ""


def kill_tree(process: psutil.Process) -> None:
    """SIGKILL a process and all its descendants. psutil makes sure that each is still the one that was found."""
    with contextlib.suppress(psutil.Error):
        found: Iterable[psutil.Process] = [process, *process.children(recursive=True)]
        for one in found:
            with contextlib.suppress(psutil.Error):
                one.kill()


def kill_marked(token: str) -> None:
    """SIGKILL every process on this host that bears a mark of the guard with this token."""
    for process in psutil.process_iter():
        if mark_of(process).startswith(f"{token}/"):
            kill_tree(process)


def sweep(mark: str) -> None:
    """SIGKILL every process on this host that bears exactly this mark; again while any is found, for they may fork."""
    for _ in range(_ROUNDS):
        found = [process for process in psutil.process_iter() if mark_of(process) == mark]
        for process in found:
            kill_tree(process)
        if not found:
            return
