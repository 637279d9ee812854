"""What a pilot has, as data for planners and people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import index

import msgspec

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.checks import check_number, check_whole

SLOWEST = 1e6
"""Seconds per unit of a term, and times a spread: eleven days for the least thing to do are no measurement."""


class Rates(msgspec.Struct, frozen=True):
    """What one cost model has learned of a pilot.

    model: its name, such as "aer-statevector". seconds: for each term of the model, seconds per unit of it. spread:
    nine of ten measurements lie within predicted / spread and predicted * spread, at least 1. measured: on this pilot's
    machine; False for values that were merely assumed. samples: measurements behind them. Raises
    InvalidDescriptionError for a rate or a spread that cannot be meant, and where no rate is above 0; single ones may
    be 0, since a fit may find no sign of a term.
    """

    model: str
    seconds: dict[str, float]
    spread: float
    measured: bool = True
    samples: int = 0

    def __post_init__(self) -> None:
        check_number(f"spread of the rates of {self.model!r}", self.spread, 1.0, SLOWEST)
        for term, seconds in self.seconds.items():
            check_number(f"rate {term!r} of {self.model!r}", seconds, 0.0, SLOWEST)
        if not any(self.seconds.values()):
            raise InvalidDescriptionError(
                f"the rates of {self.model!r} are {self.seconds!r}: nothing takes no time at all. Give seconds per "
                "unit for each term of the model, or leave the model out: then rates are assumed."
            )


class Surprise(msgspec.Struct, frozen=True):
    """How far from their predictions runs of one kind have been: those predicted to take about 2^octave seconds.

    method: the cost model's name. pilots: those that could run them. log_ratio: mean of log(measured / predicted), by
    the rates alone, over the last runs; runs: how many.
    """

    method: str
    pilots: tuple[str, ...]
    octave: int
    log_ratio: float
    runs: int


class QPUProfile(msgspec.Struct, frozen=True):
    """A quantum processor as data: what a planner must know to compare it with a simulator.

    one_qubit_error, two_qubit_error, readout_error: mean probability of a fault, per gate or per measured qubit.
    queue_seconds: expected wait of a job. shots_per_second: once it runs. couplings: pairs of qubits on which two-qubit
    gates act directly, in either direction; None where all do. task_price, shot_price: in the provider's currency.
    Raises InvalidDescriptionError for a value that cannot be meant, such as a coupling of a qubit that does not exist.
    """

    name: str
    qubits: int
    one_qubit_error: float
    two_qubit_error: float
    readout_error: float
    queue_seconds: float
    shots_per_second: float
    couplings: tuple[tuple[int, int], ...] | None = None
    task_price: float = 0.0
    shot_price: float = 0.0

    def __post_init__(self) -> None:
        what = f"QPUProfile {self.name!r}: "
        check_whole(f"{what}qubits", self.qubits, 1)
        for name in ("one_qubit_error", "two_qubit_error", "readout_error"):
            check_number(what + name, getattr(self, name), 0.0, 1.0, "a probability")
        for name in ("queue_seconds", "task_price", "shot_price"):
            check_number(what + name, getattr(self, name))
        check_number(f"{what}shots_per_second", self.shots_per_second)
        if self.shots_per_second == 0:
            raise InvalidDescriptionError(
                f"{what}shots_per_second={self.shots_per_second!r} must be more than 0: such a processor ends no job."
            )
        if self.couplings is not None:
            msgspec.structs.force_setattr(self, "couplings", _pairs(what, self.couplings, self.qubits))

    def success(self, one_qubit_gates: int, two_qubit_gates: int, measured: int) -> float:
        """The probability that nothing goes wrong in one shot, faults taken as independent: a first estimate."""
        kept: float = (1 - self.one_qubit_error) ** one_qubit_gates * (1 - self.two_qubit_error) ** two_qubit_gates
        return float(kept * (1 - self.readout_error) ** measured)


@dataclass(frozen=True, slots=True)
class ResourceProfile:
    """One pilot's resources. `cores`, `gpus`, `memory` (bytes) are per node; `qpus` for the whole pilot.

    widest: qubits of the widest circuit that it takes, beside what memory allows; None for no such limit. rates:
    measured by calibration, one for each cost model, dispatching ("dispatch") among them; empty before. qpu: of a pilot
    that is a quantum processor. surprises: what the session has learned since, of runs whose first pilot this is.
    `msgspec.json` encodes and decodes it. A quantum processor may have no cores and no memory. Raises
    InvalidDescriptionError for an amount that cannot be meant.
    """

    pilot: str
    nodes: int
    cores: int
    gpus: int
    qpus: int
    memory: int
    capabilities: frozenset[str]
    widest: int | None = None
    rates: tuple[Rates, ...] = ()
    qpu: QPUProfile | None = None
    surprises: tuple[Surprise, ...] = ()

    def __post_init__(self) -> None:
        what = f"ResourceProfile {self.pilot!r}: "
        check_whole(f"{what}nodes", self.nodes, 1)
        for name in ("cores", "gpus", "qpus", "memory"):
            check_whole(what + name, getattr(self, name))
        if self.widest is not None:
            check_whole(f"{what}widest", self.widest, 1, "or None for no such limit")

    @property
    def workers(self) -> int:
        """Processes that run tasks of one core each."""
        return self.nodes * self.cores

    def rates_of(self, model: str) -> Rates | None:
        """What is known for the cost model of this name; None before calibration."""
        return next((rates for rates in self.rates if rates.model == model), None)


def _pairs(what: str, couplings: Iterable[Iterable[int]], qubits: int) -> tuple[tuple[int, int], ...]:
    """`couplings` as pairs, however they were nested. Raises InvalidDescriptionError naming what is none."""
    if not isinstance(couplings, Iterable):
        raise InvalidDescriptionError(f"{what}couplings={couplings!r} must be pairs of qubits, or None where all are.")
    found: list[tuple[int, int]] = []
    for pair in couplings:
        try:
            one, other = (index(qubit) for qubit in pair)
        except (TypeError, ValueError):
            one = other = 0
        if one == other or not (0 <= one < qubits and 0 <= other < qubits):
            raise InvalidDescriptionError(
                f"{what}couplings: {pair!r} is no pair of different qubits from 0 to {qubits - 1}."
            )
        found.append((one, other))
    return tuple(found)
