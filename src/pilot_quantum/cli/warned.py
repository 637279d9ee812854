"""Warnings on the command line: a line on stderr, once, where Python would show a line of a source file."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from pilot_quantum.errors import PilotQuantumWarning


@contextmanager
def told() -> Iterator[None]:
    """Show what Pilot-Quantum warns of inside the block as its messages, each once; other warnings as Python does.

    They are shown whatever PYTHONWARNINGS says: they are the command's own words, and none of them is an error.
    """
    seen: set[str] = set()
    with warnings.catch_warnings():
        otherwise = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, PilotQuantumWarning):
                otherwise(message, category, filename, lineno, file, line)
            elif str(message) not in seen:
                seen.add(str(message))
                print(f"pilot-quantum: {message}", file=sys.stderr)

        warnings.showwarning = show
        warnings.simplefilter("always", PilotQuantumWarning)
        yield
