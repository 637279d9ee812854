"""What `pilot-quantum run` is asked to compute: read and checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilot_quantum.circuit.files import FileCircuit, read_circuits
from pilot_quantum.circuit.observable import Observable, observables_in, parse_observable, require_width
from pilot_quantum.errors import CircuitError, InvalidDescriptionError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

DEFAULT_SHOTS = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One circuit and what to find out about it.

    circuit: as it will run, measurements added or removed. observables: none means samples. shots: samples, or the
    shots that give `precision`; None for exact values. precision: target standard error of a value, 0 for exact.
    note: what was changed in the circuit, for the result table.
    """

    source: FileCircuit
    circuit: QuantumCircuit
    observables: tuple[Observable, ...]
    shots: int | None
    precision: float
    note: str = ""

    @property
    def label(self) -> str:
        """How the circuit is called in tables and in the journal."""
        name = self.source.file.name
        return name if self.source.count == 1 else f"{name}[{self.source.index}]"


def requests(
    files: Sequence[Path], observables: Sequence[str], shots: int | None, precision: float | None
) -> tuple[Request, ...]:
    """One request for each circuit in `files`.

    observables: as on the command line. Raises CircuitError or InvalidDescriptionError for the first thing that is
    wrong with a file, an observable or their fit.
    """
    if not observables and precision is not None:
        raise InvalidDescriptionError(
            "--precision is the error of expectation values; give --observable too, or --shots to sample."
        )
    if shots is not None and precision is not None:
        raise InvalidDescriptionError("--shots and --precision say the same thing; give one of them.")
    asked = tuple(parse_observable(text) for given in observables for text in _texts(given))
    sources = [source for file in files for source in read_circuits(file)]
    for source in sources:
        for observable in asked:
            require_width(observable, str(source), source.circuit.num_qubits)
    if asked:
        error = precision if precision is not None else 1 / sqrt(shots) if shots else 0.0
        return tuple(_valued(source, asked, shots, error) for source in sources)
    return tuple(_sampled(source, shots or DEFAULT_SHOTS) for source in sources)


def _texts(given: str) -> list[str]:
    """The observables that one --observable stands for: itself, or the lines of the file after `@`."""
    if not given.startswith("@"):
        return [given]
    file = Path(given[1:])
    try:
        texts = observables_in(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CircuitError(f"observables {given!r}: cannot read {file} ({reason}). Check the path.") from error
    if not texts:
        raise CircuitError(f"observables {given!r}: {file} holds none. Write one a line, such as 'Z0 Z3'.")
    return texts


def _valued(source: FileCircuit, asked: tuple[Observable, ...], shots: int | None, error: float) -> Request:
    circuit = source.circuit
    if not _measures(circuit):
        return Request(source, circuit, asked, shots, error)
    bare = circuit.remove_final_measurements(inplace=False)
    if _measures(bare):
        raise CircuitError(
            f"circuit {source} measures before its end, and an expectation value is that of one final state. "
            "Remove the measurement, or leave out --observable to sample the circuit."
        )
    return Request(source, bare, asked, shots, error, note="final measurements left out")


def _sampled(source: FileCircuit, shots: int) -> Request:
    if _measures(source.circuit):
        return Request(source, source.circuit, (), shots, 0.0)
    measured: Any = source.circuit.measure_all(inplace=False)
    return Request(source, measured, (), shots, 0.0, note="all qubits measured")


def _measures(circuit: QuantumCircuit) -> bool:
    """Whether the circuit has a measurement, also inside control flow."""
    from qiskit.circuit import ControlFlowOp

    return any(
        step.operation.name == "measure"
        or (isinstance(step.operation, ControlFlowOp) and any(map(_measures, step.operation.blocks)))
        for step in circuit.data
    )
