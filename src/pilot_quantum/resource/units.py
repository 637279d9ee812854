"""Amounts as people write them: 4GiB, 30m; and back."""

from __future__ import annotations

import re
from fractions import Fraction

from pilot_quantum.errors import InvalidDescriptionError

_BYTES = {
    "": 1, "B": 1,
    "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*\Z")
_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):([0-5]?\d)(?::([0-5]?\d))?\Z")


def parse_bytes(value: int | str, what: str) -> int:
    """`value` in bytes: a whole number, or a text such as "512MiB" or "4GB". `what` names it in the error."""
    if not isinstance(value, str):
        return value
    match = _AMOUNT.match(value)
    if match is None or match[2] not in _BYTES:
        raise InvalidDescriptionError(f"{what}={value!r} is no amount of memory; write bytes or, say, 4GiB or 500MB.")
    return int(Fraction(match[1]) * _BYTES[match[2]])  # exact: a float loses bytes beyond 8 PiB


def parse_seconds(value: float | str, what: str) -> float:
    """`value` in seconds: a number, or a text such as "90s", "30m", "2h" or "1-12:00:00"."""
    if not isinstance(value, str):
        return value
    if clock := _CLOCK.match(value):
        days, first, second, third = (int(part) if part else 0 for part in clock.groups())
        hours, minutes, seconds = (first, second, third) if clock[4] or clock[1] else (0, first, second)
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    match = _AMOUNT.match(value)
    if match is None or match[2] not in _SECONDS:
        raise InvalidDescriptionError(f"{what}={value!r} is no duration; write seconds or, say, 30m, 2h or 01:30:00.")
    return float(match[1]) * _SECONDS[match[2]]


def format_bytes(amount: float) -> str:
    """`amount` bytes for people: 4 GiB, 1.5 GiB, 300 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:,.4g} TiB"


def format_seconds(amount: float) -> str:
    """`amount` seconds for people: 0.25 s, 60 s, 5.0 min, 2.0 h."""
    if amount < 120:
        return f"{amount:.3g} s"
    return f"{amount / 60:.1f} min" if amount < 7200 else f"{amount / 3600:.1f} h"
