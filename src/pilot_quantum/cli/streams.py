"""The command's stdout and stderr: what cannot be written is told once, and no letter ends the program.

Python itself would print a traceback, end with code 120, or, where stdout is closed, print nothing and end with code 0.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from types import TracebackType
from typing import Any, TextIO

_SPELT = {"µ": "u", "±": "+-", "⟨": "<", "⟩": ">"}


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_SPELT.get(letter, "?") for letter in letters), error.end


codecs.register_error("spelt", _spelt)


class _Stdout(io.FileIO):
    """Remembers the first error of writing."""

    trouble: OSError | None = None

    def write(self, data: Any) -> int:
        """Write `data`. Raises OSError."""
        try:
            return super().write(data)
        except OSError as error:
            self.trouble = self.trouble or error
            raise


class _Stderr(io.FileIO):
    """Drops what cannot be written: words about a run are no reason to end it."""

    def write(self, data: Any) -> int:
        """Write `data` if that can be done."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


class Streams:
    """Replaces `sys.stdout` and `sys.stderr` of a process inside a `with` block; not what a test has put there.

    A letter that the encoding of stdout does not have is spelt otherwise, or a question mark. Where stdout could not be
    written, the block ends by SystemExit: after a line on stderr, but silently where the reader of a pipe has gone.
    """

    def __init__(self) -> None:
        self._before = sys.stdout, sys.stderr
        self._raw: _Stdout | None = None
        self._closed = sys.stdout is None

    def __enter__(self) -> Streams:
        if sys.stdout is sys.__stdout__:
            stdout: TextIO | None = sys.stdout  # None where it is closed
            if stdout is None:  # a descriptor that refuses to be written to, as a closed one does
                self._raw = _Stdout(os.open(os.devnull, os.O_RDONLY), "w", closefd=False)
            else:
                stdout.flush()
                self._raw = _Stdout(stdout.fileno(), "w", closefd=False)
            sys.stdout = _text(self._raw, stdout)
        if sys.stderr is sys.__stderr__:
            stderr: TextIO | None = sys.stderr
            if stderr is None:  # else `print(..., file=sys.stderr)` would go to stdout
                sys.stderr = open(os.devnull, "w")
            else:
                sys.stderr = _text(_Stderr(stderr.fileno(), "w", closefd=False), stderr)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raw = self._raw
        if raw is None:
            return
        try:
            sys.stdout.flush()
        except OSError as trouble:
            raw.trouble = raw.trouble or trouble
        if raw.trouble is None:
            sys.stdout, sys.stderr = self._before
            return
        # What the buffer still holds goes nowhere, so that Python does not try once more at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), raw.fileno())
        if error is not None and not isinstance(error, SystemExit | OSError):
            return
        if not isinstance(raw.trouble, BrokenPipeError):
            reason = "it is closed" if self._closed else raw.trouble.strerror or raw.trouble
            print(
                f"pilot-quantum: standard output cannot be written: {reason}. What was to be printed is lost, or part "
                "of it; send it elsewhere, such as > FILE",
                file=sys.stderr,
            )
        code = error.code if isinstance(error, SystemExit) else 1
        raise SystemExit(code or 1) from None


def _text(raw: io.FileIO, like: TextIO | None) -> io.TextIOWrapper:
    """A text stream on `raw`, otherwise like the one that it replaces, but never strict."""
    found: Any = like
    if found is None:
        return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="spelt")
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=found.encoding,
        errors="spelt" if found.errors == "strict" else found.errors,
        line_buffering=found.line_buffering,
        write_through=found.write_through,
    )
