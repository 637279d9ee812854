"""`pilot-quantum demo`: the shipped circuits on two unlike pilots, every value checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pilot_quantum.cli.interrupt import INTERRUPTED, interruptible
from pilot_quantum.cli.run import require_qiskit
from pilot_quantum.errors import JournalError

if TYPE_CHECKING:
    from pilot_quantum.circuit.program import Program
    from pilot_quantum.cli.check import Check
    from pilot_quantum.cli.circuits import Ran
    from pilot_quantum.cli.execution import OnProgress
    from pilot_quantum.cli.outcome import RunOutcome
    from pilot_quantum.cli.progress import Snapshot
    from pilot_quantum.cli.request import Request
    from pilot_quantum.session import Session

FIRST = "local://?cores=1&name=small"
SECOND = "local://?cores=2&name=large"
SEED = 20261122
SHIPPED = Path("examples/circuits")


@dataclass(frozen=True, slots=True)
class Item:
    """A program of the set, and the request made of the file that holds it."""

    program: Program
    request: Request


def demo(
    directory: Annotated[Path, typer.Option(help="Where results go: a new directory below, named by the time.")] = Path(
        "out/demo"
    ),
    circuits: Annotated[
        Path | None,
        typer.Option(
            help=f"Directory of the shipped circuits ({SHIPPED}; written anew where that is missing).",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of the table.")] = False,
) -> None:
    """Run the shipped circuits over two unlike pilots, the second added half-way, and check every value.

    Exact values come from a simulator of our own that shares nothing with the one under test; samples are held against
    exact distributions. Exit code 0 only if everything is right.
    """
    with interruptible():
        require_qiskit()
        raise typer.Exit(_demo(directory / time.strftime("%Y%m%d-%H%M%S"), circuits, json))


def _demo(directory: Path, circuits: Path | None, json: bool) -> int:
    import msgspec

    from pilot_quantum.cli.demo_outcome import DemoOutcome, print_demo

    items = _items(_files(circuits, directory))
    ran, halves = _run(items, directory)
    outcome = ran.outcome
    if ran.trouble:
        raise JournalError(ran.trouble)
    if outcome.interrupted:
        print(f"pilot-quantum: interrupted; the journal is in {outcome.directory}", file=sys.stderr)
        return INTERRUPTED
    rows = _check(items, outcome)
    page, trace = _write_report(Path(outcome.directory))
    result = DemoOutcome(
        right=all(row.right for row in rows),
        directory=outcome.directory,
        report=str(page),
        trace=str(trace),
        seconds=outcome.seconds,
        tasks=halves.total,
        second_pilot_after=halves.added_at,
        pilots=outcome.pilots,
        checks=tuple(rows),
    )
    if json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        print_demo(result)
    return 0 if result.right else 1


def _files(circuits: Path | None, run_directory: Path) -> Path:
    """The directory that holds the set: the one given, the repository's, or a new one."""
    from pilot_quantum.circuit.demo_set import DEMO_SET, content

    if circuits is not None or SHIPPED.is_dir():
        return circuits or SHIPPED
    target = run_directory / "circuits"
    target.mkdir(parents=True)
    for entry in DEMO_SET:
        (target / entry.file).write_bytes(content(entry))
    return target


def _items(directory: Path) -> list[Item]:
    """Every program of the set with its request, small ones first: the long ones are left for both pilots."""
    from pilot_quantum.circuit.demo_set import DEMO_SET
    from pilot_quantum.cli.request import requests

    items: list[Item] = []
    for entry in DEMO_SET:
        asked = requests([directory / entry.file], entry.observables, entry.shots or None, None)
        items += [Item(program, request) for program, request in zip(entry.programs, asked, strict=True)]
    return sorted(items, key=lambda item: item.program.qubits)


class _Halves:
    """Adds the second pilot when half of the tasks have ended."""

    def __init__(self) -> None:
        self.added_at: int | None = None
        self.total = 0

    def begin(self, session: Session) -> OnProgress:
        """What is to be called whenever a task has ended."""

        def on_progress(snapshot: Snapshot) -> None:
            self.total = snapshot.total
            if self.added_at is None and 2 * snapshot.done >= snapshot.total:
                self.added_at = snapshot.done
                session.add_pilot(SECOND)

        return on_progress


def _run(items: Sequence[Item], directory: Path) -> tuple[Ran, _Halves]:
    """All requests, run; and how many tasks had ended when the second pilot was added."""
    from pilot_quantum.cli.circuits import run_requests
    from pilot_quantum.resource.description import PilotDescription

    halves = _Halves()
    asked = [item.request for item in items]
    return run_requests(asked, [PilotDescription(FIRST)], directory, SEED, halves.begin), halves


def _check(items: Sequence[Item], outcome: RunOutcome) -> list[Check]:
    """Every value and every sample of the run, checked, with a word on stderr about how far this is."""
    from pilot_quantum.cli.check import checks

    print("computing the exact references ...", file=sys.stderr, flush=True)
    return [
        check for item, circuit in zip(items, outcome.circuits, strict=True) for check in checks(item.program, circuit)
    ]


def _write_report(directory: Path) -> tuple[Path, Path]:
    """The report and the trace of the session, beside its journal."""
    from pilot_quantum.journal.html import render
    from pilot_quantum.journal.reader import JournalReader
    from pilot_quantum.journal.report import report_of
    from pilot_quantum.journal.trace import write_trace

    page, trace = directory / "report.html", directory / "trace.json"
    with JournalReader(directory) as reader:
        page.write_text(render(report_of(reader)), encoding="utf-8")
        write_trace(reader, trace)
    return page, trace
