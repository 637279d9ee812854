"""The report's charts as one PNG, with matplotlib from the `plot` extra."""

from __future__ import annotations

from pathlib import Path

from pilot_quantum.errors import JournalError
from pilot_quantum.journal import svg
from pilot_quantum.journal.report import Report
from pilot_quantum.journal.units import duration, rate, share


def write_png(report: Report, path: Path) -> None:
    """Draw utilisation, queue and Gantt chart of `report` into `path`.

    Raises JournalError when matplotlib is missing, OSError when `path` cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch
    except ImportError as error:
        raise JournalError(
            f"--png needs matplotlib, which is not installed ({error})."
            " Install it: pip install 'pilot-quantum[plot]'. The HTML report needs nothing."
        ) from error
    lanes = len(report.gantt.lanes)
    figure = Figure(figsize=(11, 5.4 + 0.24 * max(2, lanes)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    heights = [1.6, 1.2, 0.5 + 0.18 * max(2, lanes)]
    busy, queue, chart = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    tasks = report.tasks
    figure.suptitle(
        f"{tasks.done:,} tasks done, {tasks.failed:,} failed in {duration(report.elapsed)} ({rate(report.rate_per_s)})"
    )
    for number, figures in enumerate(report.utilisation):
        colour = svg.PALETTE[number % len(svg.PALETTE)]
        name = f"{figures.pilot}: {share(figures.mean)}"
        busy.stairs(figures.curve.values * 100, figures.curve.edges, color=colour, label=name, baseline=None)
    busy.set(ylabel="workers busy [%]", ylim=(0, 103))
    for number, (name, curve) in enumerate((("queued", report.queued), ("running", report.running))):
        queue.stairs(curve.values, curve.edges, color=svg.PALETTE[number], label=name, baseline=None)
    queue.set(ylabel="tasks", ylim=(0, None))
    groups = list(dict.fromkeys(bar.group for bar in report.gantt.bars))
    colours = {group: svg.PALETTE[number % len(svg.PALETTE)] for number, group in enumerate(groups)}
    for bar in report.gantt.bars:
        colour = svg.end_colour(bar.end) or colours[bar.group]
        alpha = max(0.3, bar.busy) if bar.tasks > 1 else 1.0
        chart.barh(bar.lane, bar.ended - bar.began, 0.75, left=bar.began, color=colour, alpha=alpha, linewidth=0)
    chart.set_yticks(range(lanes), [worker or pilot for pilot, worker in report.gantt.lanes], fontsize=8)
    chart.set(xlabel="seconds after the start of the session", ylim=(max(lanes, 1) - 0.4, -0.6))
    chart.set_xlim(0, max(report.elapsed, 1e-9))
    keys = [Patch(color=colours[group], label=_plain(group)) for group in groups[:8]]
    ends = {bar.end for bar in report.gantt.bars}
    keys += [Patch(color=svg.end_colour(end), label=end) for end in ("failed", "requeued", "cancelled") if end in ends]
    if keys:
        chart.legend(handles=keys, fontsize=8, loc="upper left", bbox_to_anchor=(1.005, 1))
    for axes in (busy, queue):
        axes.grid(alpha=0.25)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.005, 1))
    figure.savefig(path, format="png")


def _plain(text: str) -> str:
    """`text` without what matplotlib would take for mathematics or for a hidden label."""
    return text.replace("$", r"\$").lstrip("_")[:40]
