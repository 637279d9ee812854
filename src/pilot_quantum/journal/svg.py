"""Drawing curves and Gantt bars as SVG text; knows nothing of journals but the data it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from pilot_quantum.journal.gantt import Gantt
from pilot_quantum.journal.measure import Curve
from pilot_quantum.journal.units import duration

PALETTE = ("#3b6fd4", "#2a9d8f", "#8e5bc9", "#d98e04", "#5f8f2f", "#c2548f", "#3aa0c9", "#8a6d4f")
FAILED, REQUEUED, CANCELLED = "#d43c3c", "#ef8354", "#9aa0a6"
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 104, 30, 10, 30


def curves(named: Sequence[tuple[str, Curve]], label: str, percent: bool = False, height: int = 210) -> str:
    """Step curves over common time edges, with axes; `percent` fixes the scale to 0 … 100 %."""
    length = max((float(curve.edges[-1]) for _, curve in named), default=1.0)
    peak = 1.0 if percent else max((_peak(curve) for _, curve in named), default=1.0) or 1.0
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0] if percent else nice_ticks(peak, 4)
    top = 1.0 if percent else max(peak, ticks[-1])
    x = _scale(length)

    def y(value: float) -> float:
        return _TOP + (height - _TOP - _BOTTOM) * (1 - value / top)

    parts = [_open(height, label)]
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        text = f"{tick * 100:.0f} %" if percent else f"{tick:,.6g}"
        parts.append(f'<text x="{_LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{text}</text>')
    parts.append(_time_axis(length, height))
    for number, (name, curve) in enumerate(named):
        colour = PALETTE[number % len(PALETTE)]
        for run in _runs(curve):
            steps = "".join(f"H{x(begin):.1f}V{y(min(value, top)):.1f}H{x(end):.1f}" for begin, end, value in run)
            start = f"M{x(run[0][0]):.1f} {y(0):.1f}"
            if len(named) <= 2:
                parts.append(f'<path d="{start}{steps}V{y(0):.1f}Z" fill="{colour}" opacity=".13"/>')
            line = steps[steps.index("V") :]
            parts.append(
                f'<path d="M{x(run[0][0]):.1f} {y(min(run[0][2], top)):.1f}{line}" fill="none"'
                f' stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"><title>{escape(name)}</title></path>'
            )
    return "".join([*parts, "</svg>"])


def gantt(chart: Gantt, length: float, colours: dict[str, str], label: str) -> str:
    """Bars of each worker over `length` seconds; failed, requeued and cancelled ones in their own colours."""
    row = 22 if len(chart.lanes) <= 24 else 13
    height = _TOP + row * max(1, len(chart.lanes)) + _BOTTOM
    x = _scale(length)
    parts = [_open(height, label)]
    for lane, (pilot, worker) in enumerate(chart.lanes):
        middle = _TOP + row * lane + row / 2
        stripe = "lane even" if lane % 2 else "lane"
        parts.append(
            f'<rect class="{stripe}" x="{_LEFT}" y="{_TOP + row * lane}"'
            f' width="{_WIDTH - _LEFT - _RIGHT}" height="{row}"/>'
        )
        name = worker or pilot
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(_short(name))}'
            f"<title>{escape(f'{worker} of {pilot}')}</title></text>"
        )
    parts.append(_time_axis(length, height))
    for bar in chart.bars:
        left, width = x(bar.began), max(0.6, x(bar.ended) - x(bar.began))
        colour = end_colour(bar.end) or colours.get(bar.group, PALETTE[0])
        if bar.tasks == 1 and width > 3:
            width -= 0.6  # a gap between neighbours
        opacity = f' opacity="{max(0.3, bar.busy):.2f}"' if bar.tasks > 1 and bar.busy < 0.95 else ""
        hint = escape(f"{bar.group[:60]}, {bar.hint[:200]}: {duration(bar.began)} to {duration(bar.ended)}")
        parts.append(
            f'<rect x="{left:.1f}" y="{_TOP + row * bar.lane + 2}" width="{width:.1f}" height="{row - 4}"'
            f' rx="1.5" fill="{colour}"{opacity}><title>{hint}</title></rect>'
        )
    return "".join([*parts, "</svg>"])


def end_colour(end: str) -> str | None:
    """The colour of an end that is not `done`."""
    return {"failed": FAILED, "requeued": REQUEUED, "cancelled": CANCELLED}.get(end)


_NOTHING = 1e-300
"""Below this a peak is drawn as none: fractions of it would be no numbers."""


def nice_ticks(peak: float, about: int) -> list[float]:
    """Round values from 0 to at least `peak`, some `about` of them."""
    if peak < _NOTHING or not math.isfinite(peak):
        return [0.0, 1.0]
    raw = peak / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    return [step * number for number in range(math.ceil(peak / step - 1e-9) + 1)]


def _open(height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'


def _time_axis(length: float, height: float) -> str:
    x = _scale(length)
    foot = height - _BOTTOM
    parts = []
    for tick in nice_ticks(length, 8):
        if tick <= length * (1 + 1e-9):
            parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_TOP}" y2="{foot:.0f}"/>')
            parts.append(f'<text x="{x(tick):.1f}" y="{foot + 18:.0f}" text-anchor="middle">{duration(tick)}</text>')
    return "".join(parts)


def _scale(length: float) -> Callable[[float], float]:
    factor = (_WIDTH - _LEFT - _RIGHT) / max(length, 1e-12)
    return lambda seconds: _LEFT + seconds * factor


def _runs(curve: Curve) -> list[list[tuple[float, float, float]]]:
    """(begin, end, value) of consecutive steps that are defined, equal neighbours joined."""
    runs: list[list[tuple[float, float, float]]] = []
    broken = True
    for (begin, end), value in zip(pairwise(curve.edges.tolist()), curve.values.tolist(), strict=True):
        if math.isnan(value):
            broken = True
            continue
        if broken:
            runs.append([])
        broken = False
        if runs[-1] and abs(runs[-1][-1][2] - value) < 1e-9:
            runs[-1][-1] = (runs[-1][-1][0], end, value)
        else:
            runs[-1].append((begin, end, value))
    return runs


def _peak(curve: Curve) -> float:
    return max((value for value in curve.values.tolist() if not math.isnan(value)), default=0.0)


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"…{name[-15:]}"
