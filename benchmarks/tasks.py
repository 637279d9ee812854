"""Tasks that benchmarks run, in a module of their own so that every engine can import them by reference."""

from __future__ import annotations

import time
from typing import Any


def noop(i: int) -> int:
    """The least a task can do and still show that it ran."""
    return i


def sleep10(i: int) -> int:
    """Ten milliseconds that cost no CPU: what remains is the scheduler's own overhead."""
    time.sleep(0.01)
    return i


def work(milliseconds: float) -> float:
    """Keep one core busy for about `milliseconds`; returns the seconds it took."""
    start = time.perf_counter()
    end = start + milliseconds / 1e3
    while time.perf_counter() < end:
        pass
    return time.perf_counter() - start


def total(array: Any) -> float:
    """Read the whole of an array."""
    return float(array.sum())
