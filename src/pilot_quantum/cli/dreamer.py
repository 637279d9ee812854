"""`pilot-quantum dreamer calibrate`: how fast a pilot is, measured and kept."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pilot_quantum.cli.interrupt import interruptible
from pilot_quantum.cli.run import DEFAULT_PILOT, require_qiskit

if TYPE_CHECKING:
    from pilot_quantum.dreamer.calibration import Calibration
    from pilot_quantum.resource.description import PilotDescription

app = typer.Typer(name="dreamer", help="Q-Dreamer: what predictions rest on.", no_args_is_help=True)


@app.callback()
def _dreamer() -> None:
    """Q-Dreamer: what predictions rest on."""


@app.command()
def calibrate(
    pilot: Annotated[
        str, typer.Option("--pilot", "-p", metavar="URL", help="Where to measure, such as local://?cores=1.")
    ] = DEFAULT_PILOT,
    rounds: Annotated[int, typer.Option(min=1, help="How often each micro-benchmark runs; minima count.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Measure how fast a pilot is, about a minute, and keep it for predictions.

    One core is measured, with nothing else on it: leave the machine alone meanwhile. What was found is kept for all
    pilots of that place, in $PILOT_QUANTUM_HOME or ~/.cache/pilot-quantum.
    """
    from pilot_quantum.dreamer.places import path_of
    from pilot_quantum.dreamer.store import save
    from pilot_quantum.resource.description import PilotDescription

    with interruptible():
        require_qiskit()
        description = PilotDescription(pilot)
        calibration = _calibrated(description, rounds)
        path = path_of(description.resource)
        save(calibration, path)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode({"path": str(path), "calibration": calibration}).decode())
    else:
        _print(calibration)
        typer.echo(f"kept in {path}")


def _calibrated(description: PilotDescription, rounds: int) -> Calibration:
    import tempfile

    from pilot_quantum.cli.progress import PilotLine, Snapshot, progress
    from pilot_quantum.dreamer.calibration import calibrated
    from pilot_quantum.dreamer.suite import suite
    from pilot_quantum.resource.site import Site, look_around
    from pilot_quantum.session import Session
    from pilot_quantum.workload.calibrate import asked, run_suite

    with tempfile.TemporaryDirectory(prefix="pilot-quantum-") as directory, Session(directory) as session:
        pilot = session.add_pilot(description)
        submitter = session.with_options(name="calibrate")
        print("waiting for the pilot ...", file=sys.stderr, flush=True)
        site: Site = asked(submitter, look_around, cancel=session.cancel)
        said = pilot.site or site  # a worker may be bound to fewer cores than its node has
        with progress() as shown:

            def show(done: int, total: int) -> None:
                shown.update(Snapshot(done, 0, total, (PilotLine(pilot.id, pilot.state.value),)))

            found = run_suite(submitter, suite(site.lightning, pilot.capacity.cores), show, rounds, session.cancel)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return calibrated(found, said.machine, said.versions, date)


def _print(calibration: Calibration) -> None:
    from rich.table import Table

    from pilot_quantum.cli.table import stdout_console

    table = Table()
    for name in ("model", "term"):
        table.add_column(name)
    for name in ("seconds per unit", "within a factor", "measurements"):
        table.add_column(name, justify="right")
    for rates in calibration.rates:
        head = (rates.model, f"{rates.spread:.2f}", str(rates.samples))
        for number, (term, seconds) in enumerate(rates.seconds.items()):
            model, spread, samples = head if number == 0 else ("", "", "")
            table.add_row(model, term, f"{seconds:.3g}", spread, samples)
    console = stdout_console()
    console.print(table)
    machine = calibration.machine
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory / 2**30:.1f} GiB; a measurement agrees with its "
        f"repetition to {calibration.noise:.2f}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
