"""A worker's stdout and stderr: files of the session's directory."""

from __future__ import annotations

import io
import os
from typing import Any


class OutputFile(io.FileIO):
    """A descriptor that is open already. When it cannot be written, the error names the file and the remedy."""

    def __init__(self, fd: int, path: str) -> None:
        super().__init__(fd, "w", closefd=False)
        self._path = path

    def write(self, data: Any) -> int:
        """Write `data`; raises OSError."""
        try:
            return super().write(data) or 0
        except OSError as error:
            words = (
                f"{os.strerror(error.errno or 0)} for what the task prints; free some, or use another session directory"
            )
            raise OSError(error.errno, words, self._path) from None


def open_output(fd: int, path: str) -> io.TextIOWrapper:
    """A text stream on `fd`, flushed at the end of each line so that a killed worker's last words are kept."""
    raw = io.BufferedWriter(OutputFile(fd, path))
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
