"""`pilot-quantum dreamer validate`: all cases on all set-ups, and what they say together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import msgspec

from pilot_quantum.cli.measuring import measured
from pilot_quantum.cli.progress import PilotLine, Progress, Snapshot
from pilot_quantum.cli.setups import Setup, stage
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.power_law import LATER, PowerLaw, fit_power_law
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.dreamer.public_suite import Case
from pilot_quantum.dreamer.validation import Figures, Row, cut_runs, figures
from pilot_quantum.errors import PilotQuantumError

EQUAL = 1e-7
"""The largest difference between two values of the same case that is rounding, and no fault."""


@dataclass
class Validation:
    """What has been measured so far. laws: the power law as fitted on each set-up, by its name."""

    rows: list[Row] = field(default_factory=list)
    laws: dict[str, PowerLaw] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False
    broken: str = ""

    @property
    def compared(self) -> list[Row]:
        """Rows in which there is something to compare; one whose choice failed is a fault, and in no figure."""
        return [row for row in self.rows if row.chosen in {one.name for one in row.candidates}]

    @property
    def faults(self) -> list[str]:
        """Values that differ and candidates that failed, each in a line."""
        found = [f"the validation broke off: {self.broken}"] if self.broken else []
        for row in self.rows:
            where = f"{row.case} on {row.setup}"
            if row.difference > EQUAL:
                found.append(f"{where}: values differ by {row.difference:.2g}, and all are to be exact")
            found += [f"{where}: {name} failed: {error}" for name, error in row.failed.items()]
        return found

    def figures(self, setup: str | None = None) -> Figures:
        """Of the rows of one set-up, or of all."""
        rows = [row for row in self.compared if setup in (None, row.setup)]
        return figures(rows, (PowerLaw(), LATER, lambda row: self.laws[row.setup]))

    def as_data(self, suite: str, rounds: int, calibrated: bool) -> dict[str, Any]:
        """The document of --json: the figures of all rows (None without any), of each set-up, the machine, the rows."""
        from pilot_quantum.resource.site import look_around

        here = look_around()
        setups = list(dict.fromkeys(row.setup for row in self.compared))
        return {
            **(msgspec.to_builtins(self.figures()) if setups else dict.fromkeys(Figures.__struct_fields__)),
            "suite": suite,
            "cases": len({row.case for row in self.rows}),
            "setups": {name: msgspec.to_builtins(self.figures(name)) for name in setups},
            "power_laws": {
                name: {"efficiency": law.efficiency, "exponent": law.exponent} for name, law in self.laws.items()
            },
            "calibrated": calibrated,
            "rounds": rounds,
            "seconds": round(self.seconds, 1),
            "interrupted": self.interrupted,
            "faults": self.faults,
            "machine": msgspec.to_builtins(here.machine),
            "versions": here.versions,
            "rows": [
                {**msgspec.to_builtins(row), "best": row.best.name, "ratio": row.ratio(row.chosen), "close": row.close}
                for row in self.compared
            ],
        }


def validated(
    cases: Sequence[Case],
    fitting: Sequence[Case],
    setups: Sequence[Setup],
    rounds: int,
    progress: Progress,
    on_row: Callable[[Row], None] = lambda _: None,
) -> Validation:
    """Measure all cases on all set-ups, one after the other, each in a session of its own.

    fitting: cases for the power law alone. on_row: called with each row. Ctrl-C ends what runs; what was measured until
    then is returned. Raises what a session raises.
    """
    found, began = Validation(), monotonic()
    try:
        with progress:
            for number, setup in enumerate(setups):
                _on(setup, number, len(setups), cases, fitting, rounds, progress, found, on_row)
    except KeyboardInterrupt:
        found.interrupted = True
    except (PilotQuantumError, TimeoutError) as error:  # such as workers that do not come back: keep what there is
        found.broken = f"{type(error).__name__}: {error}"
    found.seconds = monotonic() - began
    return found


def _on(
    setup: Setup,
    number: int,
    setups: int,
    cases: Sequence[Case],
    fitting: Sequence[Case],
    rounds: int,
    progress: Progress,
    found: Validation,
    on_row: Callable[[Row], None],
) -> None:
    with stage(setup) as place:

        def show(done: int) -> None:
            pilots = tuple(PilotLine(pilot.id, str(pilot.state)) for pilot in place.session.pilots)
            progress.update(Snapshot(number * len(cases) + done, 0, setups * len(cases), pilots))

        show(0)
        found.laws[setup.name] = _law(measured(place, case, 2, _for_power_law) for case in fitting)
        for done, case in enumerate(cases, 1):
            row = measured(place, case, rounds)
            found.rows.append(row)
            on_row(row)
            show(done)


def _law(rows: Iterable[Row]) -> PowerLaw:
    try:
        return fit_power_law(list(cut_runs(rows)))
    except ValueError as error:
        raise PilotQuantumError(f"the power law could not be fitted on this machine: {error}") from error


def _for_power_law(candidate: Candidate) -> bool:
    return candidate.method in (CUT, LIGHTNING, AER)


def report_faults(found: Validation) -> None:
    """Write what is wrong to stderr."""
    for fault in found.faults:
        print(f"pilot-quantum: {fault}", file=sys.stderr)
