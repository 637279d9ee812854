"""Ctrl-C, SIGTERM and SIGHUP: everything is cleaned up, a line instead of a traceback, and an exit code that tells.

A batch system or `timeout` sends SIGTERM, a terminal that is closed SIGHUP. Python would end at once by either, and
leave directories and jobs behind; here both are raised where Ctrl-C is.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

INTERRUPTED = 130
"""What shells report of a program that SIGINT ended: 128 + 2."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal came that asks this program to end; whatever heeds Ctrl-C heeds it."""


class _Ending:
    """Raises Terminated on the first signal; what follows is let pass, for the end is under way by then.

    Closing a terminal sends SIGHUP more than once, a batch system SIGTERM to everything that it knows.
    """

    came: signal.Signals | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.came is None:
            self.came = signal.Signals(number)
            raise Terminated


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C inside the block into a message and exit code 130; SIGTERM into 143, SIGHUP into 129.

    A command that catches KeyboardInterrupt to print what it has exits with any code: a signal's own replaces it.
    """
    with _heeded() as ending:
        try:
            yield
        except KeyboardInterrupt:
            if ending.came is None:
                print("pilot-quantum: interrupted", file=sys.stderr)
                raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, OSError):  # an error: the terminal that was to show what there is has gone
            if ending.came is None:
                raise
        if ending.came is not None:
            print(f"pilot-quantum: ended by {ending.came.name}", file=sys.stderr)
            raise typer.Exit(128 + ending.came)


@contextmanager
def _heeded() -> Iterator[_Ending]:
    """Heed the signals inside the block, in the main thread; not one that is ignored (nohup) or has a handler."""
    ending = _Ending()
    mine = threading.current_thread() is threading.main_thread()
    taken = [number for number in _SIGNALS if mine and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, ending)
    try:
        yield ending
    finally:
        for number in taken:
            if signal.getsignal(number) is ending:
                signal.signal(number, signal.SIG_DFL)


_mask = threading.local()


def _keep_back() -> None:
    """Before a fork: a signal that comes just after it waits until the child is ready to end by it."""
    _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _let_come() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _forget() -> None:
    """In a child that the program has forked (a script may): it ends by these signals as any process does."""
    for number in _SIGNALS:
        if isinstance(signal.getsignal(number), _Ending):
            signal.signal(number, signal.SIG_DFL)
    _let_come()


os.register_at_fork(before=_keep_back, after_in_parent=_let_come, after_in_child=_forget)
