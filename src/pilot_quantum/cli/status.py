"""`pilot-quantum status DIR`: where a session stands, live or ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pilot_quantum.journal.status import Status


def status(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the session.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Show where a session stands: tasks by state, rate, time left, pilots with their allocations, last failures."""
    from pilot_quantum.cli.table import stdout_console
    from pilot_quantum.journal.reader import JournalReader
    from pilot_quantum.journal.status import status_of

    with JournalReader(directory) as reader:
        state = status_of(reader)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(state).decode())
        return
    console = stdout_console()
    for part in _parts(state):
        console.print(part)


def _parts(state: Status) -> list[RenderableType]:
    """What to print, from top to bottom. Texts of the session are never taken for markup."""
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.journal.units import duration, moment, rate

    life = {
        "live": ("running", "green"),
        "ended": ("ended", "cyan"),
        "died": ("was never closed: it died, or its journal failed", "red"),
    }
    word, style = life[state.life]
    head = Text.assemble(
        "Session ",
        (state.directory, "bold"),
        "  ",
        (word, style),
        f"\nstarted {moment(state.started_wall)}, ",
    )
    length = "so far" if state.life == "live" else "long"
    head.append(f"{duration(state.elapsed_s)} {length}, {rate(state.rate_per_s)}")
    if state.eta_s is not None:
        head.append(f", done in about {duration(state.eta_s)}")

    tasks = Table(title="Tasks", title_justify="left")
    counts = state.tasks
    columns = ("waiting", "queued", "shipped", "running", "done", "failed", "cancelled", "total")
    for column in columns:
        tasks.add_column(column, justify="right", style="red" if column == "failed" and counts.failed else None)
    tasks.add_row(*(f"{getattr(counts, column):,}" for column in columns))

    parts: list[RenderableType] = [head, tasks, *(_pilots(state) if state.pilots else [Text("No pilot yet.")])]
    if state.allocations:
        parts.append(_allocations(state))
    if state.decisions:
        parts.append(_decisions(state))
    if state.failures:
        failures = Table(title="Last failures", title_justify="left")
        for column in ("task", "attempt"):
            failures.add_column(column, justify="right")
        for column in ("group", "where", "at", "cause"):
            failures.add_column(column, overflow="fold")
        for f in state.failures:
            where = Text(f.worker or f.pilot)
            failures.add_row(str(f.task), str(f.attempt), Text(f.group), where, Text(duration(f.at_s)), Text(f.cause))
        parts.append(failures)
    return parts


def _pilots(state: Status) -> list[RenderableType]:
    """The numbers as a table; what was asked for below it, for that is as long as it likes."""
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.journal.units import share

    numbers = Table(title="Pilots", title_justify="left")
    for column in ("pilot", "state"):
        numbers.add_column(column, overflow="fold")
    for column in ("workers", "up", "losses", "running", "busy"):
        numbers.add_column(column, justify="right", no_wrap=True)
    words = Table.grid(padding=(0, 2))
    words.add_column(max_width=24, overflow="fold")
    words.add_column(overflow="fold")
    for p in state.pilots:
        counts = map(str, (p.workers, p.workers_up, p.workers_lost, p.running))
        numbers.add_row(Text(p.pilot), Text(p.state), *counts, share(p.utilisation))
        words.add_row(Text(p.pilot), Text(p.description))
        if p.cause:
            words.add_row("", Text(f"{p.state}: {p.cause}"))
    return [numbers, words]


def _allocations(state: Status) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.journal.units import duration

    table = Table(title="Allocations", title_justify="left")
    table.add_column("allocation", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("nodes", justify="right", no_wrap=True)
    table.add_column("since", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for one in state.allocations:
        row = (Text(one.allocation), Text(one.state), str(one.nodes), duration(one.since_s), Text(one.reason))
        table.add_row(*row)
    return table


def _decisions(state: Status) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.journal.units import duration

    table = Table(title="Last decisions about pilots", title_justify="left")
    table.add_column("at", justify="right", no_wrap=True)
    for column in ("about", "decision", "reason"):
        table.add_column(column, overflow="fold")
    for one in state.decisions:
        table.add_row(duration(one.at_s), Text(one.subject), Text(one.decision), Text(one.reason))
    return table
