"""How a circuit file is refused: the file, the line, what is wrong there, and what to do."""

from __future__ import annotations

from pathlib import Path

from pilot_quantum.errors import CircuitError


def fault(file: Path, message: str, remedy: str, *, source: str = "", line: int = 0, column: int = 0) -> CircuitError:
    """The error for `file`; lines and columns count from 1, and 0 says that nobody knows them.

    source: the text of the file, from which the line is quoted.
    """
    place = f", line {line}" if line else ""
    if line and column:
        place += f", column {column}"
    lines = source.splitlines()
    quoted = f"\n    {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return CircuitError(f"{file}{place}: {message.strip().rstrip('.')}.{quoted}\n{remedy}")
