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
    """Show where a session stands: tasks by state, rate, time left, pilots, last failures."""
    from rich.console import Console

    from pilot_quantum.journal.reader import JournalReader
    from pilot_quantum.journal.status import status_of

    with JournalReader(directory) as reader:
        state = status_of(reader)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(state).decode())
        return
    console = Console()
    for part in _parts(state):
        console.print(part)


def _parts(state: Status) -> list[RenderableType]:
    """What to print, from top to bottom. Texts of the session are never taken for markup."""
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.journal.units import duration, moment, rate, share

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

    pilots = Table(title="Pilots", title_justify="left")
    for column in ("pilot", "state", "description"):
        pilots.add_column(column, overflow="fold")
    for column in ("workers", "up", "losses", "running", "busy"):
        pilots.add_column(column, justify="right")
    pilots.add_column("cause", overflow="fold")
    for p in state.pilots:
        numbers = (*map(str, (p.workers, p.workers_up, p.workers_lost, p.running)), share(p.utilisation))
        pilots.add_row(Text(p.pilot), Text(p.state), Text(p.description), *numbers, Text(p.cause))

    parts: list[RenderableType] = [head, tasks]
    parts.append(pilots if state.pilots else Text("No pilot yet."))
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
