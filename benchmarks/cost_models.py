"""How well Q-Dreamer's cost models predict circuits that they were not fitted to.

The micro-benchmarks of a calibration and further circuits run in turns in this process; rates are fitted to the former
alone, minima over the rounds are compared. Value accuracy is min(predicted, measured) / max(predicted, measured).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from statistics import fmean

import msgspec

from benchmarks.pairs import Machine, emit, machine, parser
from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.program import Gate, Program, gate
from pilot_quantum.circuit.schmidt_ranks import follow
from pilot_quantum.circuit.skeleton import program_skeleton
from pilot_quantum.dreamer.calibration import Measurement, calibrated, running
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.prediction import Prediction, priced
from pilot_quantum.dreamer.suite import Benchmark, suite
from pilot_quantum.resource.profile import Rates
from pilot_quantum.resource.site import look_around
from pilot_quantum.workload.calibrate import Seconds, measured, timed

PROBED = 5.0
"""Seconds for which a matrix-product state's bonds are followed at most."""


class Row(msgspec.Struct, frozen=True):
    """One circuit by one model. again: the least seconds of the other half of the rounds; warm: nothing to build."""

    model: str
    circuit: str
    qubits: int
    warm: bool
    predicted: float
    low: float
    high: float
    measured: float
    again: float


class Accuracy(msgspec.Struct, frozen=True):
    """Of one model. noise_floor: of the measurement against its own repetition. inside: part within the range given.

    assumed: value accuracy with rates that nobody measured.
    """

    model: str
    value_accuracy: float
    noise_floor: float
    inside: float
    assumed: float
    circuits: int


class CostModels(msgspec.Struct, frozen=True):
    """All models, and every row behind them."""

    value_accuracy: float
    noise_floor: float
    models: tuple[Accuracy, ...]
    rounds: int
    rows: tuple[Row, ...]
    settings: str
    machine: Machine


def clusters(qubits: int, groups: int, depth: int, bridges: int) -> Program:
    """Groups of unequal size, dense within and with few gates between: what cutting is for."""
    draw = Random(qubits + groups)
    edges = sorted(draw.sample(range(2, qubits - 1), groups - 1))
    of = [sum(q >= edge for edge in edges) for q in range(qubits)]
    gates: list[Gate] = []
    for layer in range(depth):
        gates += [gate("ry", q, angle=draw.uniform(0, 3)) for q in range(qubits)]
        for a in range(layer % 2, qubits - 1, 2):
            if of[a] == of[a + 1]:
                gates.append(gate("cz", a, a + 1))
        if layer < bridges:
            gates.append(gate("cx", edges[layer % len(edges)] - 1, edges[layer % len(edges)]))
    return Program(f"clusters-{qubits}", "clusters", qubits, tuple(gates))


def held_out() -> Iterator[Program]:
    """Circuits of families, widths and depths that the micro-benchmarks lack."""
    graph = families.regular_graph
    for qubits in (5, 10, 16):
        yield families.efficient_su2(qubits, 4, seed=qubits)
    for qubits, layers in ((7, 9), (11, 9), (17, 3), (20, 2)):
        yield families.brickwork(qubits, layers, seed=1)
    for qubits in (8, 12, 18):
        yield families.qaoa(qubits, graph(qubits, 3, seed=3), (0.4, 0.2), (0.3, 0.1))
    for qubits in (6, 9, 16, 20):
        yield families.tfim(qubits, 6, 0.7)
    for qubits in (7, 12, 17):
        yield families.qft(qubits, 5)
    for qubits in (9, 14, 18):
        yield families.clifford(qubits, 10 * qubits, seed=2)
    for qubits in (10, 15, 19):
        yield clusters(qubits, 3, 8, 3)
    for qubits in (12, 18):
        yield families.w_state(qubits)
    yield families.grover("1011")
    yield families.grover("1011011")
    yield families.bernstein_vazirani("10110101")


def measure(rounds: int, widest: int) -> CostModels:
    """All rounds, the fit, and what it says of the held-out circuits; none has more qubits than `widest`."""
    facts, place = machine(), look_around()
    fitted = [one for one in suite(place.lightning) if one.model != DISPATCH and one.qubits <= widest]
    models = (AER, LIGHTNING, MPS) if place.lightning else (AER, MPS)
    others = [(model, program) for model in models for program in held_out() if _runs(model, program, widest)]
    of_fitted: dict[Benchmark, list[Seconds]] = {benchmark: [] for benchmark in fitted}
    of_others: list[list[Seconds]] = [[] for _ in others]
    circuits = {program.name: qiskit_circuit(program) for _, program in others}
    for model in models:  # the first use of a simulator pays for its import
        timed(model, circuits["efficient-su2-5"], {0: "Z"})
    for _ in range(rounds):
        for benchmark in fitted:
            of_fitted[benchmark].append(measured(benchmark))
        for found, (model, program) in zip(of_others, others, strict=True):
            found.append(timed(model, circuits[program.name], dict.fromkeys(range(program.qubits), "Z")))
    calibration = calibrated(
        [Measurement(benchmark, *_columns(found)) for benchmark, found in of_fitted.items()],
        place.machine,
        place.versions,
        "",
    )
    rates = {one.model: one for one in calibration.rates}
    rows, assumed = [], []
    for found, (model, program) in zip(of_others, others, strict=True):
        for warm, seconds in enumerate(_columns(found)):
            if not seconds:
                continue
            prediction = _predicted(model, program, bool(warm), rates[model])
            rows.append(
                Row(
                    model=model,
                    circuit=program.name,
                    qubits=program.qubits,
                    warm=bool(warm),
                    predicted=prediction.seconds,
                    low=prediction.low,
                    high=prediction.high,
                    measured=min(seconds[::2]),
                    again=min(seconds[1::2]),
                )
            )
            assumed.append(_agreement(_predicted(model, program, bool(warm), ASSUMED[model]).seconds, min(seconds)))
    return CostModels(
        value_accuracy=_rounded(_agreement(row.predicted, min(row.measured, row.again)) for row in rows),
        noise_floor=_rounded(_agreement(row.measured, row.again) for row in rows),
        models=tuple(
            _accuracy(
                model,
                [row for row in rows if row.model == model],
                [value for value, row in zip(assumed, rows, strict=True) if row.model == model],
            )
            for model in models
        ),
        rounds=rounds,
        rows=tuple(rows),
        settings="one process, one thread; Z on every qubit; suite and held-out circuits in turns, minima",
        machine=facts,
    )


def _runs(model: str, program: Program, widest: int) -> bool:
    """Aer's matrix-product state has no controlled rotations, and what is wide and deep takes it minutes."""
    if model == MPS and (program.qubits >= 18 or any(gate.name == "cry" for gate in program.gates)):
        return False
    return program.qubits <= widest


def _predicted(model: str, program: Program, warm: bool, rates: Rates) -> Prediction:
    """As a planner would have it: a matrix-product state with a probe."""
    skeleton, terms = program_skeleton(program), [dict.fromkeys(range(program.qubits), "Z")]
    if model != MPS:
        return priced(running(model, skeleton, terms, warm), rates)
    return MatrixProductState(rates).predict(skeleton, terms, lambda: follow(qiskit_circuit(program), PROBED))


def _columns(found: list[Seconds]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(each.cold for each in found), tuple(each.warm for each in found if each.warm is not None)


def _accuracy(model: str, rows: list[Row], assumed: list[float]) -> Accuracy:
    best = [min(row.measured, row.again) for row in rows]
    return Accuracy(
        model=model,
        value_accuracy=_rounded(_agreement(row.predicted, m) for row, m in zip(rows, best, strict=True)),
        noise_floor=_rounded(_agreement(row.measured, row.again) for row in rows),
        inside=_rounded(float(row.low <= m <= row.high) for row, m in zip(rows, best, strict=True)),
        assumed=_rounded(iter(assumed)),
        circuits=len(rows),
    )


def _agreement(one: float, two: float) -> float:
    return min(one, two) / max(one, two)


def _rounded(values: Iterator[float]) -> float:
    return round(fmean(values), 3)


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--widest", type=int, default=40, help="qubits of a circuit at most (default: %(default)s)")
    args = options.parse_args()
    emit(measure(max(2, args.pairs), args.widest), args.json)  # two at least, to be held against each other


if __name__ == "__main__":
    main()
