"""`pilot-quantum plan`: how the expectation values of circuits would best be had, without running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pilot_quantum.cli.interrupt import interruptible
from pilot_quantum.cli.run import DEFAULT_PILOT, require_qiskit
from pilot_quantum.errors import CircuitError, InvalidDescriptionError, PilotQuantumError, UnsatisfiableError

if TYPE_CHECKING:
    from pilot_quantum.cli.request import Request
    from pilot_quantum.dreamer.planning.plan import Plan
    from pilot_quantum.dreamer.planning.target import Target
    from pilot_quantum.resource.description import PilotDescription

FORMATS = (".png", ".svg", ".pdf")


def plan(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Circuits (OpenQASM 2, OpenQASM 3, QPY); - is stdin.", show_default=False
        ),
    ],
    observable: Annotated[
        list[str] | None,
        typer.Option(
            "--observable",
            "-o",
            metavar="PAULIS",
            help="Expectation value that is asked of every circuit, as for `run`; repeatable: all from the same plan.",
            show_default=False,
        ),
    ] = None,
    pilot: Annotated[
        list[str] | None,
        typer.Option(
            "--pilot",
            "-p",
            metavar="URL",
            help="Where it could run, a pilot on this machine; repeatable (default local://).",
            show_default=False,
        ),
    ] = None,
    error: Annotated[
        float, typer.Option(min=0.0, help="Standard error allowed of each value; 0 is exact.", metavar="E")
    ] = 0.0,
    shots_budget: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="The most shots that the values may cost, where they cost any.", show_default=False
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Weigh every way, even what takes longer to weigh than to run.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Where entanglement is in doubt, follow it gate by gate to see.")
    ] = True,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also draw what each candidate's time goes to: .png, .svg or .pdf (needs the extra `plot`).",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Plan how to get expectation values: every way, what it would take, which is best, and why not the others.

    Nothing runs. Exit codes as of `run`: 2 also where no pilot has the memory for any way.
    """
    from pilot_quantum.cli.request import requests
    from pilot_quantum.dreamer.planning.target import Target
    from pilot_quantum.resource.description import PilotDescription

    with interruptible():
        descriptions = [PilotDescription(url) for url in pilot or [DEFAULT_PILOT]]
        for description in descriptions:
            if description.scheme != "local":
                raise InvalidDescriptionError(
                    f"--pilot {description.resource!r}: what its nodes have is known when a job is there, and planning "
                    "queues none. Plan in a session that has the pilot: pq.dreamer.plan(circuit, observable, "
                    "session.resources())."
                )
        target = Target(error, shots_budget)
        if plot is not None and plot.suffix not in FORMATS:
            raise InvalidDescriptionError(f"--plot {str(plot)!r}: write a file that ends in {', '.join(FORMATS)}.")
        if not observable:
            raise InvalidDescriptionError(
                "a plan is for expectation values: name what to compute, --observable 'Z0 Z3'."
            )
        require_qiskit()
        asked = requests(files, observable, None, None)
        plans = _planned(asked, descriptions, target, everything, probe)
        if json:
            import msgspec

            document = {"plans": [one.as_data() for one in plans], "files": [str(one.source) for one in asked]}
            typer.echo(msgspec.json.encode(document).decode())
        else:
            _print(asked, plans)
        if plot is not None:
            _draw(plans, plot)


def _planned(
    asked: Sequence[Request], pilots: Sequence[PilotDescription], target: Target, everything: bool, probe: bool
) -> list[Plan]:
    """A plan for each request. Raises CircuitError, UnsatisfiableError."""
    import tempfile

    from pilot_quantum.circuit.schmidt_ranks import follow
    from pilot_quantum.dreamer.planning.planner import plan as planned
    from pilot_quantum.session import Session

    with tempfile.TemporaryDirectory(prefix="pilot-quantum-") as directory:
        session = Session(directory)
        try:
            for description in pilots:
                session.add_pilot(description)
            resources = session.resources()
        finally:
            session.close(cancel=True)  # planning needs no worker
    asks = follow if probe else None
    plans = []
    for one in asked:
        try:
            made = planned(one.circuit, _shaped(one), resources, target=target, probe=asks, thorough=everything)
        except (CircuitError, UnsatisfiableError) as error:
            raise type(error)(f"{one.source}: {error}") from error
        plans.append(made)
    return plans


def _shaped(request: Request) -> str | list[str]:
    """The observables as the planner takes them: one alone is no list."""
    texts = [one.text for one in request.observables]
    return texts[0] if len(texts) == 1 else texts


def _print(asked: Sequence[Request], plans: Sequence[Plan]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pilot_quantum.cli.table import stdout_console
    from pilot_quantum.dreamer.planning.explanation import asked as question
    from pilot_quantum.dreamer.planning.explanation import reasons, row, seconds_of

    console = stdout_console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for request, one in zip(asked, plans, strict=True):
        say(f"{request.label}: {question(one)}")
        table = Table()
        for name in ("", "candidate"):
            table.add_column(name, overflow="fold")
        for name in ("seconds", "9 of 10 within", "memory", "error"):
            table.add_column(name, justify="right")
        for candidate in one.candidates:
            table.add_row(*map(Text, row(one, candidate)))
        console.print(table)
        for reason in reasons(one):
            say(f"- {reason}")
        say(f"planned in {seconds_of(one.seconds)}")


def _draw(plans: Sequence[Plan], path: Path) -> None:
    """One file; of several plans a numbered file each. Raises PilotQuantumError."""
    for number, one in enumerate(plans):
        file = path if len(plans) == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            one.plot(file)
        except OSError as error:
            raise PilotQuantumError(
                f"the plot cannot be written to {str(file)!r}: {error.strerror or error}. Name another: --plot FILE"
            ) from error
