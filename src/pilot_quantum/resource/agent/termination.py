"""SIGTERM in a worker: a batch system sends it to every process of a job, and the agent alone has to heed it."""

from __future__ import annotations

import os
import signal

_TERM = frozenset({signal.SIGTERM})


def outlive() -> None:
    """Let SIGTERM pass in this process, so that the task that it runs may end in the time that is left.

    Not by ignoring it: programs that the task starts would inherit that. Children that it forks end by it as usual,
    also when it comes just after the fork: it is kept back until they are ready for it.
    """
    signal.signal(signal.SIGTERM, _pass)
    signal.siginterrupt(signal.SIGTERM, False)
    os.register_at_fork(before=_keep_back, after_in_parent=_let_come, after_in_child=_become_mortal)


def _pass(number: int, frame: object) -> None:
    """Do nothing."""


def _keep_back() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _TERM)


def _let_come() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERM)


def _become_mortal() -> None:
    if signal.getsignal(signal.SIGTERM) is _pass:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_come()
