"""The command `pilot-quantum`: its subcommands, and how errors become messages and exit codes.

Exit codes: 0 all right, 1 something failed, 2 the command line or an input is wrong, 130 stopped by Ctrl-C, 143 by
SIGTERM, 129 by SIGHUP.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from pilot_quantum.cli.agent import agent
from pilot_quantum.cli.command import FilesOrScript
from pilot_quantum.cli.demo import demo
from pilot_quantum.cli.dreamer import app as dreamer
from pilot_quantum.cli.pilots import app as pilots
from pilot_quantum.cli.plan import plan
from pilot_quantum.cli.report import report
from pilot_quantum.cli.run import run
from pilot_quantum.cli.status import status
from pilot_quantum.cli.streams import Streams
from pilot_quantum.cli.trace import trace
from pilot_quantum.cli.warned import told
from pilot_quantum.errors import CircuitError, InvalidDescriptionError, PilotQuantumError

FAILURE = 1
USAGE = 2

app = typer.Typer(
    name="pilot-quantum",
    help="Acquire CPUs, GPUs and QPUs once, bind tasks to them late, adapt while running.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=FilesOrScript)(run)
app.command()(plan)
app.command()(demo)
app.command()(status)
app.command()(trace)
app.command()(report)
app.add_typer(pilots)
app.add_typer(dreamer)
app.command()(agent)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pilot-quantum {installed_version('pilot-quantum')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Acquire CPUs, GPUs and QPUs once, bind tasks to them late, adapt while running."""


def exit_code(error: PilotQuantumError) -> int:
    """2 where the user can mend the command line or an input file, else 1."""
    return USAGE if isinstance(error, InvalidDescriptionError | CircuitError) else FAILURE


def main() -> None:
    """Run the command line of this process and exit with its code."""
    with Streams(), told():
        try:
            app()
        except PilotQuantumError as error:
            print(f"pilot-quantum: {error}", file=sys.stderr)
            sys.exit(exit_code(error))
        except Warning as warning:  # of a library; `PYTHONWARNINGS=error` asks for that
            print(f"pilot-quantum: {type(warning).__name__}, an error by your settings: {warning}", file=sys.stderr)
            sys.exit(FAILURE)


if __name__ == "__main__":
    main()
