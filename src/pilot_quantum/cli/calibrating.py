"""Calibrating a pilot from the command line: a session for it alone, and errors in the command line's own terms."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pilot_quantum.errors import InvalidDescriptionError, PilotLostError, PilotQuantumError, UnsatisfiableError

if TYPE_CHECKING:
    from pilot_quantum.dreamer.calibration import Calibration
    from pilot_quantum.resource.description import PilotDescription
    from pilot_quantum.resource.pilot import Pilot
    from pilot_quantum.resource.site import Site

_END = 10.0
"""Seconds in which a pilot that tasks have lost has told why."""


def calibrated_on(description: PilotDescription, rounds: int) -> Calibration:
    """Run the suite `rounds` times on the pilot that `description` asks for.

    Raises InvalidDescriptionError where it has too little memory, PilotQuantumError where it ends before that is done.
    """
    import tempfile

    from pilot_quantum.cli.progress import PilotLine, Snapshot, progress
    from pilot_quantum.dreamer.calibration import calibrated
    from pilot_quantum.dreamer.suite import suite
    from pilot_quantum.resource.site import look_around
    from pilot_quantum.session import Session
    from pilot_quantum.workload.calibrate import asked, run_suite

    _require_memory(description, description.memory)
    with tempfile.TemporaryDirectory(prefix="pilot-quantum-") as directory, Session(directory) as session:
        pilot = session.add_pilot(description)
        submitter = session.with_options(name="calibrate")
        print("waiting for the pilot ...", file=sys.stderr, flush=True)
        with _explained(pilot):
            site: Site = asked(submitter, look_around, cancel=session.cancel)
            said = pilot.site or site  # a worker may be bound to fewer cores than its node has
            with progress() as shown:

                def show(done: int, total: int) -> None:
                    shown.update(Snapshot(done, 0, total, (PilotLine(pilot.id, pilot.state.value),)))

                found = run_suite(submitter, suite(site.lightning, pilot.capacity.cores), show, rounds, session.cancel)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return calibrated(found, said.machine, said.versions, date)


def _require_memory(description: PilotDescription, memory: int | None) -> None:
    from pilot_quantum.resource.units import format_bytes
    from pilot_quantum.workload.calibrate import ENOUGH

    if memory is not None and memory < ENOUGH:
        raise InvalidDescriptionError(
            f"--pilot {description.url!r}: calibrating takes {format_bytes(ENOUGH)} of memory, and a node of it has "
            f"{format_bytes(memory)}. Give it more, or leave memory out: the rates are kept for the place, not for "
            "its memory."
        )


@contextmanager
def _explained(pilot: Pilot) -> Iterator[None]:
    """Turn errors whose advice is for programs into what a caller of the command can do."""
    url = pilot.description.url
    try:
        yield
    except PilotLostError as error:
        with suppress(TimeoutError):
            pilot.wait("cancelled", _END)  # the last of its states: so, until it has ended
        cause = pilot.cause.rstrip(".") or str(error)
        raise PilotQuantumError(
            f"--pilot {url!r} has ended before it was calibrated, which takes about a minute: {cause}. "
            f"To try it out: pilot-quantum pilots check '{url}'"
        ) from error
    except UnsatisfiableError as error:
        _require_memory(pilot.description, pilot.capacity.memory)
        if "simulator" in pilot.capacity.capabilities:
            raise
        raise PilotQuantumError(
            f"--pilot {url!r}: its nodes cannot simulate, for qiskit-aer is missing there. Install it in their Python: "
            "pip install 'pilot-quantum[qiskit]'"
        ) from error
