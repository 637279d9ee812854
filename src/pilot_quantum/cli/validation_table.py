"""The tables of `pilot-quantum dreamer validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilot_quantum.cli.table import stdout_console
from pilot_quantum.cli.validation import Validation
from pilot_quantum.dreamer.validation import Figures, Row

if TYPE_CHECKING:
    from rich.table import Table

_FIGURES = (
    ("rows", "rows", "d"),
    ("top1: the planner's choice is the best", "top1", ".3f"),
    ("  within 5 % alone", "top1_strict", ".3f"),
    ("  power law, as published", "top1_power_law", ".3f"),
    ("  power law, as published later", "top1_power_law_later", ".3f"),
    ("  power law, fitted here", "top1_power_law_calibrated", ".3f"),
    ("  rule: light cone, Aer, else MPS", "top1_rule", ".3f"),
    ("  rule with Lightning for Aer", "top1_rule_lightning", ".3f"),
    ("regret: seconds over the least", "regret", ".3f"),
    ("  the worst", "regret_worst", ".2f"),
    ("  power law, as published", "regret_power_law", ".3f"),
    ("  power law, as published later", "regret_power_law_later", ".3f"),
    ("  power law, fitted here", "regret_power_law_calibrated", ".3f"),
    ("  rule: light cone, Aer, else MPS", "regret_rule", ".3f"),
    ("  rule with Lightning for Aer", "regret_rule_lightning", ".3f"),
    ("value accuracy: predicted against measured", "value_accuracy", ".3f"),
    ("  leaving out what sessions learned", "value_accuracy_by_rates", ".3f"),
    ("  a measurement against its repetition", "noise_floor", ".3f"),
    ("  measured within the range predicted", "inside", ".3f"),
    ("candidates measured", "candidates", "d"),
    ("  of them stopped", "stopped", "d"),
    ("close cases: another method within twice the best", "close_cases", "d"),
    ("auto over the best fixed strategy", "auto_geomean", ".3f"),
    ("  the worst, 10 ms left out", "auto_worst", ".2f"),
    ("seconds of planning, mean", "planning_seconds", ".4f"),
)


def print_validation(found: Validation, suite: str, calibrated: bool) -> None:
    """Print a line for each case, then the figures."""
    console = stdout_console()
    console.print(_rows(found))
    if found.compared:
        console.print(_summary(found))
    rates = "calibrated" if calibrated else "assumed: nobody has calibrated this machine"
    state = "interrupted: " if found.interrupted else ""
    console.print(
        f"{state}suite {suite!r}, {len(found.rows)} rows in {found.seconds:.0f} s; rates {rates}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _rows(found: Validation) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("set-up", "case", "chosen", "best"):
        table.add_column(name, overflow="fold")
    for name in ("predicted", "measured", "best's", "ratio", "auto"):
        table.add_column(name, justify="right")
    for row in found.compared:
        table.add_row(*map(Text, _cells(row)))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    from statistics import median

    chosen, best = row.timed(row.chosen), row.best
    wrong = "" if row.right(row.chosen) else " !"
    return (
        row.setup,
        row.case,
        row.chosen,
        best.name,
        _ms(chosen.predicted),
        _ms(chosen.measured) + "+" * chosen.stopped,
        _ms(best.measured),
        f"{row.ratio(row.chosen):.2f}{wrong}",
        f"{median(row.auto) / median(row.fixed):.2f}" if row.auto and row.fixed else "-",
    )


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _summary(found: Validation) -> Table:
    from rich.table import Table

    setups = list(dict.fromkeys(row.setup for row in found.compared))
    columns: list[Figures] = [found.figures(setup) for setup in setups]
    if len(setups) > 1:
        columns.append(found.figures())
    table = Table()
    table.add_column("figure", no_wrap=True)
    for name in [*setups, "all"][: len(columns)]:
        table.add_column(name, justify="right")
    for label, key, form in _FIGURES:
        table.add_row(label, *(_shown(getattr(column, key), form) for column in columns))
    return table


def _shown(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)
