"""A report as one HTML page that needs nothing else: no script, no font, no image from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pilot_quantum.journal import svg
from pilot_quantum.journal.report import Report
from pilot_quantum.journal.status import Failure
from pilot_quantum.journal.units import duration, moment, rate, share

_STYLE = """
:root{--ink:#1d2330;--soft:#5c6675;--line:#e3e7ee;--paper:#fff;
--card:#f6f8fb;--lane:#f3f5f9;--bad:#c62f2f;--good:#1f8a5b}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b5;--line:#2d3542;
--paper:#14181f;--card:#1c222c;
--lane:#1a2029;--bad:#ff7b72;--good:#4cc38a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;margin:0 0 2px}h2{font-size:18px;margin:38px 0 10px}
p{margin:0 0 10px;color:var(--soft)}
.path{font-family:ui-monospace,monospace;font-size:13px;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(135px,1fr));gap:12px;margin:22px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:22px;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}.bad b,.bad{color:var(--bad)}.good{color:var(--good)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 10px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.wide{overflow-wrap:anywhere;min-width:220px}
svg{display:block;width:100%;height:auto;min-width:640px;font:11.5px system-ui,sans-serif}
svg text{fill:var(--soft)}.grid{stroke:var(--line)}.lane{fill:none}.even{fill:var(--lane)}
.key{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:13px;color:var(--soft);margin:4px 0 0 4px}
.key i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
footer{margin-top:40px;color:var(--soft);font-size:13px}
"""
_LIFE = {"live": "still running", "ended": "ended in order", "died": "was never closed: it died, or its journal failed"}


def render(report: Report) -> str:
    """The page for `report`; every text in it is escaped."""
    body = "".join(
        (
            _head(report),
            _section("Pilots", _pilots(report)),
            _section("Tasks", _groups(report)),
            _section("Utilisation", _utilisation(report)),
            _section("Queue", _queue(report)),
            _section("Who ran what", _gantt(report)),
            _section("Failures", _failures(report.failures, report.hidden_failures, "No task failed.")),
            _section(
                "Attempts that went back to the queue",
                _failures(report.setbacks, report.hidden_setbacks, "None."),
            ),
            _section("Session", _facts(report)),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Pilot-Quantum report: {escape(report.directory)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}<footer>Written by pilot-quantum report. Times count from the start of the session."
        "</footer></main></body></html>\n"
    )


def _head(report: Report) -> str:
    tasks = report.tasks
    tiles = [
        ("Tasks done", f"{tasks.done:,}", ""),
        ("Failed", f"{tasks.failed:,}", "bad" if tasks.failed else ""),
        ("Cancelled", f"{tasks.cancelled:,}", ""),
        ("Unfinished", f"{tasks.unfinished:,}", ""),
        ("Session", duration(report.elapsed), ""),
        ("Tasks ended", rate(report.rate_per_s), ""),
    ]
    drawn = "".join(
        f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for name, value, kind in tiles
    )
    tone = "bad" if report.life == "died" else "good"
    return (
        f'<h1>Session report</h1><p><span class="path">{escape(report.directory)}</span><br>'
        f'started {escape(moment(report.started_wall))}, <span class="{tone}">{_LIFE[report.life]}</span></p>'
        f'<div class="tiles">{drawn}</div>'
    )


def _pilots(report: Report) -> str:
    rows = [
        (
            p.pilot,
            p.state,
            p.description,
            str(p.workers),
            str(p.workers_lost),
            share(p.utilisation),
            p.cause,
        )
        for p in report.pilots
    ]
    return _table(
        ("Pilot", "State", "Description", "#Workers", "#Losses", "#Busy", "Cause"),
        rows,
        "The session had no pilot.",
    )


def _groups(report: Report) -> str:
    heads = (
        "Group",
        "Function",
        "#Done",
        "#Failed",
        "#Requeued",
        "#Mean",
        "#p50",
        "#p95",
        "#Wait mean",
        "#Wait p50",
        "#Wait p95",
    )
    rows = [
        (
            g.group,
            g.function if g.function != g.group else "",
            f"{g.done:,}",
            f"{g.failed:,}",
            f"{g.requeued:,}",
            *(duration(value) for value in (g.mean, g.p50, g.p95, g.wait_mean, g.wait_p50, g.wait_p95)),
        )
        for g in report.groups
    ]
    return _table(heads, rows, "No task was submitted.") + _more(report.hidden_groups, "group")


def _utilisation(report: Report) -> str:
    if not report.utilisation:
        return "<p>No worker ever came up.</p>"
    named = [(figure.pilot, figure.curve) for figure in report.utilisation]
    key = [
        (f"{figure.pilot}: {share(figure.mean)}", svg.PALETTE[number % len(svg.PALETTE)])
        for number, figure in enumerate(report.utilisation)
    ]
    text = "<p>Busy worker-seconds over available worker-seconds of each pilot.</p>"
    return text + _drawing(svg.curves(named, "Utilisation of each pilot over time", percent=True)) + _key(key)


def _queue(report: Report) -> str:
    named = [("queued", report.queued), ("running", report.running)]
    key = [(name, svg.PALETTE[number]) for number, (name, _) in enumerate(named)]
    return _drawing(svg.curves(named, "Tasks queued and running over time", height=170)) + _key(key)


def _gantt(report: Report) -> str:
    if not report.gantt.bars:
        return "<p>No task ran.</p>"
    groups = list(dict.fromkeys(bar.group for bar in report.gantt.bars))
    colours = {group: svg.PALETTE[number % len(svg.PALETTE)] for number, group in enumerate(groups)}
    key = [(group, colours[group]) for group in groups[: len(svg.PALETTE)]]
    ends = {bar.end for bar in report.gantt.bars}
    key += [
        (end, colour) for end in ("failed", "requeued", "cancelled") if end in ends and (colour := svg.end_colour(end))
    ]
    text = "<p>One line per worker. Hover over a bar for its task.</p>"
    if any(bar.tasks > 1 for bar in report.gantt.bars):
        text = "<p>One line per worker. Short neighbours are one bar, paler the less of it was busy.</p>"
    chart = svg.gantt(report.gantt, report.elapsed, colours, "Gantt chart of workers")
    return text + _drawing(chart) + _key(key) + _more(report.gantt.hidden, "worker")


def _failures(failures: Sequence[Failure], hidden: int, none: str) -> str:
    rows = [
        (str(f.task), str(f.attempt), f.group, f.worker or f.pilot, duration(f.at_s), _cut(f.cause)) for f in failures
    ]
    return _table(("#Task", "#Attempt", "Group", "Where", "#At", "Cause"), rows, none) + _more(hidden, "line")


def _facts(report: Report) -> str:
    return _table(("Fact", "Value"), [(fact.key, fact.value) for fact in report.facts], "Nothing is known.")


def _cut(text: str) -> str:
    return text if len(text) <= 600 else f"{text[:600]} …"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _drawing(picture: str) -> str:
    return f'<div class="scroll">{picture}</div>'


def _key(entries: Iterable[tuple[str, str]]) -> str:
    items = "".join(f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries)
    return f'<div class="key">{items}</div>'


def _more(hidden: int, noun: str) -> str:
    return f"<p>… and {hidden:,} more {noun}{'s' if hidden > 1 else ''}.</p>" if hidden else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> str:
    """A table; heads that begin with `#` make columns of numbers."""
    if not rows:
        return f"<p>{escape(none)}</p>"
    number = [head.startswith("#") for head in heads]
    kinds = [
        ' class="n"' if n else ' class="wide"' if head in ("Cause", "Value", "Description") else ""
        for n, head in zip(number, heads, strict=True)
    ]
    lines = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    top = _heads(heads, number)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def _heads(heads: Sequence[str], number: Sequence[bool]) -> str:
    numeric = ' class="n"'
    return "".join(
        f"<th{numeric if n else ''}>{escape(head.lstrip('#'))}</th>" for n, head in zip(number, heads, strict=True)
    )
