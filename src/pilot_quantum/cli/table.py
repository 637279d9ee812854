"""The result table of `pilot-quantum run`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pilot_quantum.cli.outcome import CircuitOutcome, RunOutcome

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

TOP = 8
"""Outcomes shown of each sampled circuit; --json has all."""


def print_outcome(outcome: RunOutcome) -> None:
    """Print the table and where the journal is, to stdout."""
    console = stdout_console()
    console.print(result_table(outcome))
    done = sum(circuit.state == "done" for circuit in outcome.circuits)
    what = "interrupted" if outcome.interrupted else "done"
    console.print(
        f"{what}: {done} of {len(outcome.circuits)} circuits in {outcome.seconds:.2f} s; session {outcome.directory}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def stdout_console() -> Console:
    """Where tables go; a pipe has no width, so what a program may read there is never folded."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=1000)


def result_table(outcome: RunOutcome) -> Table:
    """A row for each value or count."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("circuit", overflow="fold")
    table.add_column("qubits", justify="right")
    table.add_column("what", overflow="fold")
    table.add_column("result", justify="right")
    table.add_column("±", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("pilots", overflow="fold")
    table.add_column("note", overflow="fold")
    for circuit in outcome.circuits:
        head = (Text(_name(circuit)), str(circuit.qubits))
        tail = (f"{circuit.seconds:.3f}", Text(", ".join(circuit.pilots)), Text(circuit.note))
        for number, (what, result, spread) in enumerate(_lines(circuit)):
            first = number == 0
            table.add_row(
                *(head if first else ("", "")), Text(what), result, spread, *(tail if first else ("", "", ""))
            )
    return table


def _name(circuit: CircuitOutcome) -> str:
    return circuit.file if circuit.index == 0 and circuit.name in circuit.file else f"{circuit.file} {circuit.name}"


def _lines(circuit: CircuitOutcome) -> Iterator[tuple[str, str, str]]:
    """What was asked, the answer, its standard error."""
    if circuit.state != "done":
        yield "", circuit.state, ""
        return
    for value in circuit.values:
        yield value.observable, f"{value.value:+.10f}", f"{value.std:.2g}" if value.std else "exact"
    if circuit.counts is not None:
        top = list(circuit.counts.items())[:TOP]
        for bits, count in top:
            yield bits, str(count), f"{100 * count / sum(circuit.counts.values()):.1f} %"
        hidden = list(circuit.counts.values())[TOP:]
        if hidden:
            yield f"{len(hidden)} other outcomes", str(sum(hidden)), ""
