"""What `pilot-quantum run --json` prints."""

from __future__ import annotations

import msgspec


class Value(msgspec.Struct, frozen=True):
    """An expectation value. std: its standard error, 0 when it is exact."""

    observable: str
    value: float
    std: float


class CircuitOutcome(msgspec.Struct, frozen=True):
    """What became of one circuit.

    index: its place in the file, from 0. state: done, failed or cancelled; error: why it failed. values: by
    observable; counts: by bit string, the last bit is qubit (or classical bit) 0. shots: None for exact values.
    seconds: time that its tasks took, added up; pilots: where they ran. note: what was changed in the circuit.
    """

    file: str
    index: int
    name: str
    qubits: int
    state: str
    note: str = ""
    error: str | None = None
    shots: int | None = None
    values: tuple[Value, ...] = ()
    counts: dict[str, int] | None = None
    seconds: float = 0.0
    pilots: tuple[str, ...] = ()


class PilotOutcome(msgspec.Struct, frozen=True):
    """A pilot of the run. url: what was asked for."""

    id: str
    url: str


class RunOutcome(msgspec.Struct, frozen=True):
    """The whole run. seconds: from the first submission to the last result. directory: of the session."""

    directory: str
    seconds: float
    seed: int | None
    interrupted: bool
    pilots: tuple[PilotOutcome, ...]
    circuits: tuple[CircuitOutcome, ...]
