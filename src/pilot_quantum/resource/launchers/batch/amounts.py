"""Amounts as batch systems write them: rounded up, so that a pilot has at least what was asked for."""

from __future__ import annotations

import math

_MINUTE = 60
_MEBIBYTE = 1 << 20


def slurm_clock(seconds: float) -> str:
    """A time limit in whole minutes, the next larger, as Slurm counts: "1-02:30:00"."""
    return _clock(max(1, math.ceil(seconds / _MINUTE)) * _MINUTE, days=True)


def pbs_clock(seconds: float) -> str:
    """A time limit in whole seconds, the next larger, as PBS counts: "26:30:00"."""
    return _clock(max(1, math.ceil(seconds)), days=False)


def clock_seconds(text: str) -> float | None:
    """Seconds of a time limit as Slurm prints it ("1-02:30:00", "30:00"); None where it is no amount ("UNLIMITED")."""
    days, dash, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in (*parts, *([days] if dash else []))) or len(parts) not in (2, 3):
        return None
    seconds = 0
    for part in parts:
        seconds = seconds * 60 + int(part)
    return float(seconds + int(days or 0) * 86_400)


def mebibytes(size: int) -> int:
    """The next larger whole number of MiB that holds `size` bytes."""
    return max(1, -(-size // _MEBIBYTE))


def _clock(seconds: int, days: bool) -> str:
    hours, rest = divmod(seconds, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    if days and hours >= 24:
        return f"{hours // 24}-{hours % 24:02d}:{text}"
    return f"{hours:02d}:{text}"
