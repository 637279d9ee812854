"""What a pilot has, as data for planners and people."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Rates(msgspec.Struct, frozen=True):
    """What one cost model has learned of a pilot.

    model: its name, such as "aer-statevector". seconds: for each term of the model, seconds per unit of it. spread:
    nine of ten measurements lie within predicted / spread and predicted * spread, at least 1. measured: on this pilot's
    machine; False for values that were merely assumed. samples: measurements behind them.
    """

    model: str
    seconds: dict[str, float]
    spread: float
    measured: bool = True
    samples: int = 0


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
    gates act directly; None where all do. task_price, shot_price: in the provider's currency.
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
    `msgspec.json` encodes and decodes it.
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

    @property
    def workers(self) -> int:
        """Processes that run tasks of one core each."""
        return self.nodes * self.cores

    def rates_of(self, model: str) -> Rates | None:
        """What is known for the cost model of this name; None before calibration."""
        return next((rates for rates in self.rates if rates.model == model), None)
