"""Ctrl-C: one line instead of a traceback, and exit code 130."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

INTERRUPTED = 130
"""What shells report of a program that SIGINT ended: 128 + 2."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C inside the block into a message and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        print("pilot-quantum: interrupted", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
