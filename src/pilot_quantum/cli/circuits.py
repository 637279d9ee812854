"""`pilot-quantum run FILE...`: from checked requests on pilots to what is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from pilot_quantum.cli.execution import Execution, OnProgress, execute
from pilot_quantum.cli.interrupt import INTERRUPTED
from pilot_quantum.cli.outcome import PilotOutcome, RunOutcome
from pilot_quantum.cli.placement import Placement, placements
from pilot_quantum.cli.progress import progress
from pilot_quantum.cli.request import Request
from pilot_quantum.cli.table import print_outcome
from pilot_quantum.errors import JournalError
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.session import Session

Beginning = Callable[[Session], OnProgress]
"""Called with the new session; what it returns is called whenever a task has ended."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended. trouble: what went wrong beside the circuits themselves, such as a full disk."""

    outcome: RunOutcome
    trouble: str


def run_requests(
    requests: Sequence[Request],
    pilots: Sequence[PilotDescription],
    directory: Path | None,
    seed: int | None,
    beginning: Beginning = lambda _: lambda _: None,
) -> Ran:
    """Run `requests` in a session of their own. Raises what a session raises before there is any result."""
    execution, trouble = None, ""
    try:
        with Session(directory) as session:
            for description in pilots:
                session.add_pilot(description)
            execution = execute(session, requests, seed, progress(), beginning(session))
            if execution.interrupted:
                session.close(cancel=True)
    except JournalError as error:
        if execution is None:
            raise
        trouble = str(error)  # the results are here all the same
    return Ran(_outcome(session, execution, seed), trouble)


def print_ran(ran: Ran, json: bool) -> int:
    """Print results to stdout and errors to stderr; the exit code."""
    outcome = ran.outcome
    if json:
        typer.echo(msgspec.json.encode(outcome).decode())
    else:
        print_outcome(outcome)
    for circuit in outcome.circuits:
        if circuit.error:
            print(f"pilot-quantum: {circuit.file}[{circuit.index}]: {circuit.error}", file=sys.stderr)
    if ran.trouble:
        print(f"pilot-quantum: {ran.trouble}", file=sys.stderr)
    if outcome.interrupted:
        return INTERRUPTED
    return 1 if ran.trouble or any(circuit.state != "done" for circuit in outcome.circuits) else 0


def _outcome(session: Session, execution: Execution, seed: int | None) -> RunOutcome:
    """What a run has yielded, with the journal's account of where the tasks were, if it can be read."""
    try:
        found = placements(session.directory, [one.tasks for one in execution.finished])
    except JournalError:
        found = [Placement()] * len(execution.finished)
    circuits = tuple(
        msgspec.structs.replace(one.outcome, seconds=place.seconds, pilots=place.pilots)
        for one, place in zip(execution.finished, found, strict=True)
    )
    pilots = tuple(PilotOutcome(pilot.id, pilot.description.url) for pilot in session.pilots)
    return RunOutcome(str(session.directory), execution.seconds, seed, execution.interrupted, pilots, circuits)
