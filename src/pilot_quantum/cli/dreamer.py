"""`pilot-quantum dreamer`: `calibrate` measures how fast a pilot is, `validate` what predictions are worth."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pilot_quantum.cli.calibrating import calibrated_on
from pilot_quantum.cli.interrupt import INTERRUPTED, interruptible
from pilot_quantum.cli.run import DEFAULT_PILOT, require_qiskit
from pilot_quantum.errors import CalibrationError, InvalidDescriptionError

if TYPE_CHECKING:
    from pilot_quantum.dreamer.calibration import Calibration
    from pilot_quantum.dreamer.public_suite import Case

app = typer.Typer(name="dreamer", help="Q-Dreamer: what predictions rest on.", no_args_is_help=True)


@app.callback()
def _dreamer() -> None:
    """Q-Dreamer: what predictions rest on."""


@app.command()
def calibrate(
    pilot: Annotated[
        str, typer.Option("--pilot", "-p", metavar="URL", help="Where to measure, such as local://?cores=1.")
    ] = DEFAULT_PILOT,
    rounds: Annotated[int, typer.Option(min=1, help="How often each micro-benchmark runs; medians count.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Measure how fast a pilot is, about a minute, and keep it for predictions.

    One core is measured, with nothing else on it: leave the machine alone meanwhile. What was found is kept for all
    pilots of that place, in $PILOT_QUANTUM_HOME or ~/.cache/pilot-quantum. Exit codes: 0 all right, 1 it could not be
    measured or kept, 2 wrong usage or too little memory, 130 stopped by Ctrl-C.
    """
    from pilot_quantum.dreamer.places import path_of
    from pilot_quantum.dreamer.store import require_writable, save
    from pilot_quantum.resource.description import PilotDescription

    with interruptible():
        require_qiskit()
        description = PilotDescription(pilot)
        path = path_of(description.resource)
        require_writable(path)
        calibration = calibrated_on(description, rounds)
        save(calibration, path)
        if json:
            import msgspec

            typer.echo(msgspec.json.encode({"path": str(path), "calibration": calibration}).decode())
        else:
            _print(calibration)
            typer.echo(f"kept in {path}")


PUBLIC = "public"


@app.command()
def validate(
    suite: Annotated[str, typer.Option(help="Which circuits; there is one suite, 'public'.")] = PUBLIC,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="Only cases with this word in their names; repeatable.", show_default=False),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each candidate runs at least; medians count.")] = 3,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also draw the figures below DIR (needs the extra `plot`).", show_default=False
        ),
    ] = None,
    calibrated: Annotated[
        bool,
        typer.Option("--calibrate/--no-calibrate", help="Calibrate first where nobody has; else rates are assumed."),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Hold predictions against measurements: is the planner's choice the best, and are its seconds right?

    Every candidate for every case runs on 1 worker, on 2, and on 2 unlike ones, in turns, with `strategy="auto"`; about
    ten minutes, in which the machine is best left alone. Ctrl-C prints what there is. Exit codes: 0 all right, 1 values
    differed or a candidate failed, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    from pilot_quantum.cli.progress import progress
    from pilot_quantum.cli.setups import SETUPS
    from pilot_quantum.cli.validation import Validation, report_faults, validated
    from pilot_quantum.dreamer.public_suite import power_law_suite

    cases = _cases(suite, only or [])
    with interruptible():
        require_qiskit()
        if plot is not None:
            from pilot_quantum.cli.validation_plot import require_drawable

            require_drawable(plot)
        try:
            has_rates = _has_rates(calibrated)
        except KeyboardInterrupt:  # while it calibrated
            has_rates, found = False, Validation(interrupted=True)
        else:
            found = validated(cases, power_law_suite(), SETUPS, rounds, progress())
        if json:
            import msgspec

            typer.echo(msgspec.json.encode(found.as_data(suite, rounds, has_rates)).decode())
        else:
            from pilot_quantum.cli.validation_table import print_validation

            print_validation(found, suite, has_rates)
        if plot is not None and found.compared:
            from pilot_quantum.cli.validation_plot import draw

            for path in draw(found.compared, plot):
                print(f"drawn: {path}", file=sys.stderr)
        report_faults(found)
        if found.interrupted:
            raise typer.Exit(INTERRUPTED)
        raise typer.Exit(1 if found.faults else 0)


def _cases(suite: str, only: Sequence[str]) -> Sequence[Case]:
    """Raises InvalidDescriptionError where there are none."""
    from pilot_quantum.dreamer.public_suite import public_suite
    from pilot_quantum.resource.address import unknown

    if suite != PUBLIC:
        raise InvalidDescriptionError(unknown("suite", suite, [PUBLIC]))
    cases = [one for one in public_suite() if not only or any(word in one.name for word in only)]
    if not cases:
        raise InvalidDescriptionError(
            f"--only {' '.join(only)}: no case of the suite {suite!r} has that in its name. "
            f"Names are such as {public_suite()[0].name!r}."
        )
    return cases


def _has_rates(wanted: bool) -> bool:
    """Whether this machine is calibrated; made so where it is not and that is wanted. Says so on stderr if not."""
    from pilot_quantum.dreamer.places import path_of
    from pilot_quantum.dreamer.store import load, require_writable, save
    from pilot_quantum.resource.description import PilotDescription
    from pilot_quantum.resource.site import look_around

    path, here = path_of(DEFAULT_PILOT), look_around()
    try:
        calibration = load(path)
        if calibration is not None:
            calibration.check(here.machine, here.versions)
            return True
        reason = "nobody has calibrated this machine"
    except CalibrationError as error:
        reason = str(error)
    if not wanted:
        print(f"{reason}; rates are assumed", file=sys.stderr, flush=True)
        return False
    require_writable(path)
    print(f"{reason}; calibrating first, about a minute", file=sys.stderr, flush=True)
    save(calibrated_on(PilotDescription(f"{DEFAULT_PILOT}?cores=1"), 3), path)
    return True


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
    noise = (
        "how far a measurement agrees with its repetition is not known: one round"
        if calibration.noise is None
        else f"a measurement agrees with its repetition to {calibration.noise:.2f}"
    )
    console.print(
        f"{machine.processor}, {machine.cores} cores, {machine.memory / 2**30:.1f} GiB; {noise}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
