"""What happened in a session: one SQLite file, its single writer, and the readers of it.

The names below are imported on first use, so that a scheduler that only writes never pays for the readers
(numpy).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilot_quantum.journal.reader import JournalReader as JournalReader
    from pilot_quantum.journal.store import JournalWriter as JournalWriter
    from pilot_quantum.journal.store import TaskRow as TaskRow

_HOMES = {
    "JournalReader": "pilot_quantum.journal.reader",
    "JournalWriter": "pilot_quantum.journal.store",
    "TaskRow": "pilot_quantum.journal.store",
}
__all__ = ["JournalReader", "JournalWriter", "TaskRow"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
