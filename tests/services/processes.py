"""Processes on virtual hosts and on this machine, seen from the root namespace."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """pid: as the root namespace sees it. namespace: of its PIDs, as `/proc/PID/ns/pid` names it."""

    pid: int
    parent: int
    namespace: str
    command: tuple[str, ...]
    environ: dict[str, str]

    def mentions(self, text: str) -> bool:
        """Whether the text is in its command line or its environment."""
        return any(text in part for part in (*self.command, *(f"{k}={v}" for k, v in self.environ.items())))

    def __str__(self) -> str:
        return f"{self.pid}: {' '.join(self.command)}"


def every_process() -> Iterator[Process]:
    """All processes that are alive; one that ends meanwhile, or is a zombie, is left out."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state in "ZX":
                continue
            yield Process(
                int(entry.name),
                int(parent),
                os.readlink(entry / "ns/pid"),
                tuple(_strings(entry / "cmdline")),
                dict(text.split("=", 1) for text in _strings(entry / "environ") if "=" in text),
            )
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def leftovers(text: str) -> list[Process]:
    """Processes, on whatever host or none, whose command line or environment contains the text: but this one."""
    return [process for process in every_process() if process.pid != os.getpid() and process.mentions(text)]


def remaining(text: str, within: float = 10) -> list[Process]:
    """As `leftovers`, of what is still there after waiting up to `within` seconds for none to be: ends take time."""
    deadline = time.monotonic() + within
    while (found := leftovers(text)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def descendants(of: set[int], among: list[Process]) -> set[int]:
    """The given PIDs, their children, their children's, and so on."""
    found = set(of)
    while more := {process.pid for process in among if process.parent in found} - found:
        found |= more
    return found


def _strings(path: Path) -> list[str]:
    return path.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
