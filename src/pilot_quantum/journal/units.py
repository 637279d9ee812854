"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def duration(seconds: float | None) -> str:
    """0.00012 → "120 µs", 61 → "1 min 1 s"; "-" for None."""
    if seconds is None:
        return "-"
    size = abs(seconds)
    if size < 1e-9:
        return "0 s"
    if size < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs"
    if size < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if size < 59.95:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def rate(per_second: float | None) -> str:
    """Tasks per second; "-" for None."""
    if per_second is None:
        return "-"
    return f"{per_second:,.0f}/s" if per_second >= 100 else f"{per_second:.3g}/s"


def share(value: float | None) -> str:
    """0.934 → "93.4 %"; "-" for None."""
    return "-" if value is None else f"{value * 100:.1f} %"


def moment(wall: float) -> str:
    """Seconds since 1970 as local date and time with its zone."""
    return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
