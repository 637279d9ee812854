"""`pilot-quantum run`: circuits from files, or a script, on pilots."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pilot_quantum.cli.interrupt import interruptible
from pilot_quantum.errors import InvalidDescriptionError, PilotQuantumError

DEFAULT_PILOT = "local://"


def run(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Circuits (OpenQASM 2, OpenQASM 3, QPY; - is stdin), or one app.py; all that follows app.py is handed "
            "to it.",
            show_default=False,
        ),
    ],
    observable: Annotated[
        list[str] | None,
        typer.Option(
            "--observable",
            "-o",
            metavar="PAULIS",
            help="Expectation value to compute on every circuit; repeatable. 'ZZII' (last letter: qubit 0), "
            "'0.5*ZZI + 1.2*XII', 'Z0 Z3' (any width), or @FILE with one a line. Without it, circuits are sampled.",
        ),
    ] = None,
    shots: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Shots for each circuit (default 1024). With --observable: values with a standard error of 1/sqrt(N), "
            "normally distributed as Qiskit's own estimators give them; exact if not given.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Target standard error of each value, instead of --shots; 0 is exact.", show_default=False
        ),
    ] = None,
    pilot: Annotated[
        list[str] | None,
        typer.Option(
            "--pilot",
            "-p",
            metavar="URL",
            help="Where to run; repeatable. For example local://?cores=2&memory=4GiB (default local://).",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Makes samples repeatable, on any number of workers.", show_default=False)
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="Directory of the session: journal and output.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")] = False,
) -> None:
    """Run circuits from files on pilots, or a script: `pilot-quantum run app.py` calls its main(session).

    Every input is read and checked before anything runs. Ctrl-C cancels and prints what had finished. Exit codes:
    0 all right, 1 something failed, 2 wrong usage or input, 130 stopped by Ctrl-C.
    """
    from pilot_quantum.resource.description import PilotDescription

    with interruptible():
        pilots = [PilotDescription(url) for url in pilot or [DEFAULT_PILOT]]
        if files[0].endswith(".py"):
            given = {
                "--observable": observable,
                "--shots": shots,
                "--precision": precision,
                "--seed": seed,
                "--json": json,
            }
            _refuse_for_script(files[0], [name for name, value in given.items() if value not in (None, False, [])])
            from pilot_quantum.cli.script import run_script

            raise typer.Exit(run_script(Path(files[0]), files[1:], pilots, directory))
        if scripts := [name for name in files if name.endswith(".py")]:
            raise InvalidDescriptionError(f"{scripts[0]}: a script is run alone, not with circuits. Name it first.")
        require_qiskit()
        from pilot_quantum.cli.circuits import print_ran, run_requests
        from pilot_quantum.cli.request import requests

        asked = requests([Path(name) for name in files], observable or [], shots, precision)
        raise typer.Exit(print_ran(run_requests(asked, pilots, directory, seed), json))


def require_qiskit() -> None:
    """Raise PilotQuantumError where the extra that simulates circuits is missing."""
    for name in ("qiskit", "qiskit_aer", "qiskit_qasm3_import"):
        if find_spec(name) is None:
            raise PilotQuantumError(
                f"circuits need the package {name}, which is not installed. "
                "Install it with: pip install 'pilot-quantum[qiskit]'"
            )


def _refuse_for_script(script: str, options: list[str]) -> None:
    if options:
        raise InvalidDescriptionError(
            f"{', '.join(options)}: a script decides that itself. "
            f"Options after {script} are passed on to it; before it, --pilot and --directory count."
        )
