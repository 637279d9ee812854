"""`pilot-quantum trace DIR -o trace.json`: a session for Perfetto."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilot_quantum.errors import JournalError


def trace(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the session.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("trace.json"),
    json: Annotated[bool, typer.Option("--json", help="Print what was written as one JSON object.")] = False,
) -> None:
    """Write a session as a Chrome trace, to be opened at https://ui.perfetto.dev or in chrome://tracing."""
    from pilot_quantum.journal.reader import JournalReader
    from pilot_quantum.journal.trace import write_trace

    with JournalReader(directory) as reader:
        try:
            summary = write_trace(reader, output)
        except OSError as error:
            raise JournalError(
                f"the trace cannot be written to {str(output)!r}: {error.strerror or error}."
                " Give another file with --output."
            ) from error
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(summary).decode())
        return
    typer.echo(f"{summary.path}: {summary.events:,} events, {summary.slices:,} running attempts")
    if not summary.waits:
        typer.echo("Too many tasks to draw each one's wait: see the counter of queued tasks.")
    typer.echo("Open it at https://ui.perfetto.dev (it stays on your machine).")
