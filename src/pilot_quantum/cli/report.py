"""`pilot-quantum report DIR`: tables, utilisation and Gantt chart of a session in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pilot_quantum.errors import JournalError


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of the session.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path("report.html"),
    png: Annotated[
        Path | None,
        typer.Option("--png", help="Also draw the charts into this file (needs the extra `plot`)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Write a session as one self-contained HTML page: tables, utilisation, Gantt chart, failures."""
    from pilot_quantum.journal.html import render
    from pilot_quantum.journal.reader import JournalReader
    from pilot_quantum.journal.report import report_of

    with JournalReader(directory) as reader:
        result = report_of(reader)
    target = output
    try:
        output.write_text(render(result), encoding="utf-8")
        if png is not None:
            from pilot_quantum.journal.plot import write_png

            target = png
            write_png(result, png)
    except OSError as error:
        raise JournalError(
            f"the report cannot be written to {str(target)!r}: {error.strerror or error}."
            f" Give another file with {'--png' if target is png else '--output'}."
        ) from error
    if json:
        from pilot_quantum.journal.summary import summary_of

        typer.echo(summary_of(result, output, png))
        return
    typer.echo(f"{output}: {result.tasks.total:,} tasks, {result.tasks.failed:,} failed")
    if png is not None:
        typer.echo(str(png))
