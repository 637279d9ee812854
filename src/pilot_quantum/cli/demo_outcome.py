"""What `pilot-quantum demo` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilot_quantum.cli.check import Check
from pilot_quantum.cli.outcome import PilotOutcome
from pilot_quantum.cli.table import stdout_console

if TYPE_CHECKING:
    from rich.table import Table


class DemoOutcome(msgspec.Struct, frozen=True):
    """The whole demo. right: whether every check is. seconds: of the run, references not included.

    second_pilot_after: tasks that had ended when the second pilot was added, of `tasks`. report, trace: files.
    """

    right: bool
    directory: str
    report: str
    trace: str
    seconds: float
    tasks: int
    second_pilot_after: int | None
    pilots: tuple[PilotOutcome, ...]
    checks: tuple[Check, ...]


def print_demo(outcome: DemoOutcome) -> None:
    """Print the table, a summary, and where the report is, to stdout."""
    console = stdout_console()
    console.print(_table(outcome.checks))
    wrong = [check for check in outcome.checks if not check.right]
    for check in wrong:
        console.print(f"WRONG: {check.circuit} {check.observable}: {check.problem}", markup=False, soft_wrap=True)
    exact = [check.difference for check in outcome.checks if check.difference is not None and not check.sampled]
    lines = [
        f"{len(outcome.checks) - len(wrong)} of {len(outcome.checks)} results right; "
        f"largest difference of an exact value {max(exact, default=0.0):.1e}",
        f"{outcome.tasks} tasks in {outcome.seconds:.1f} s; second pilot added after {outcome.second_pilot_after}",
        *(f"pilot {pilot.id}: {_circuits_on(outcome, pilot)} circuits, {pilot.url}" for pilot in outcome.pilots),
        f"session: {outcome.directory}",
        f"report:  {outcome.report}",
        f"trace:   {outcome.trace} (open it at https://ui.perfetto.dev)",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _circuits_on(outcome: DemoOutcome, pilot: PilotOutcome) -> int:
    return len({check.circuit for check in outcome.checks if pilot.id in check.pilots})


def _table(checks: tuple[Check, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("circuit", "qubits", "family", "observable", "value", "exact", "|difference|", "pilots", "seconds"):
        left = name in ("circuit", "family", "observable", "pilots")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    last = ""
    for check in checks:
        first, last = check.circuit != last, check.circuit
        head = (check.circuit, str(check.qubits), check.family) if first else ("", "", "")
        tail = (", ".join(check.pilots), f"{check.seconds:.3f}") if first else ("", "")
        table.add_row(
            *(Text(text) for text in head),
            Text(_shortened(check.observable)),
            _number(check.value),
            _number(check.exact),
            f"[{'green' if check.right else 'red'}]{_distance(check)}[/]",
            *(Text(text) for text in tail),
        )
    return table


def _shortened(observable: str) -> str:
    return observable if len(observable) <= 28 else f"{observable[:25]}..."


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 8) + 0.0:+.8f}"  # + 0.0: never "-0.00000000"


def _distance(check: Check) -> str:
    if check.difference is None:
        return check.problem
    if check.sampled:
        return f"TV {check.difference:.3f} < {check.bound:.3f}" if check.right else check.problem
    return f"{check.difference:.1e}"
