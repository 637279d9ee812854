"""How well Q-Dreamer's cost models predict circuits that they were not fitted to.

The micro-benchmarks of a calibration and further circuits run in turns in this process; rates are fitted to the former
alone, medians over the rounds are compared. Value accuracy is min(predicted, measured) / max(predicted, measured).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from random import Random
from statistics import fmean, median
from time import perf_counter
from typing import Any

import msgspec
from qiskit.quantum_info import SparsePauliOp

from benchmarks import cut_circuits
from benchmarks.pairs import Machine, emit, machine, parser
from pilot_quantum.circuit import families
from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.finding.glance import glance
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.circuit.light_cone import kept, light_cones
from pilot_quantum.circuit.program import Gate, Program, gate
from pilot_quantum.circuit.schmidt_ranks import Patience, follow
from pilot_quantum.circuit.skeleton import program_skeleton, read_skeleton
from pilot_quantum.dreamer.calibration import Measurement, calibrated, running
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import BACK, CUT, Cut
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.find import EFFORT, FIND, Find, Search
from pilot_quantum.dreamer.models.light_cone import whole
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING, StateVector
from pilot_quantum.dreamer.prediction import Prediction, priced, together
from pilot_quantum.dreamer.suite import Benchmark, suite
from pilot_quantum.resource.profile import Rates
from pilot_quantum.resource.site import look_around
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.workload.calibrate import Seconds, measured, timed
from pilot_quantum.workload.calibrate_here import is_here, seconds_here
from pilot_quantum.workload.cutting.execute import CutRunner
from pilot_quantum.workload.submitter import cancel_unshipped

PROBED = 5.0
"""Seconds for which a matrix-product state's bonds are followed at most."""


class Row(msgspec.Struct, frozen=True):
    """One circuit by one model. again: the median of the other half of the rounds; warm: nothing to build."""

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


class Here:
    """A submitter that runs each task at once, in this process."""

    options = TaskOptions()

    def with_options(self, **options: Any) -> Here:
        """The same: nothing is scheduled here."""
        return self

    def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
        """The future of what has been run."""
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


class Cutting(msgspec.Struct, frozen=True):
    """A circuit of `cut_circuits` to be cut. neighbours: ZZ of all neighbours is asked, or one."""

    family: str
    qubits: int
    width: int
    neighbours: bool

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.family}-{self.qubits}/{self.width}{'*' * self.neighbours}"


CUTTINGS = tuple(
    Cutting(family, qubits, width, neighbours)
    for family, qubits, width in (
        ("esu2", 12, 6),
        ("esu2", 18, 9),
        ("esu2", 24, 8),
        ("tfim", 14, 7),
        ("tfim", 20, 10),
        ("brick", 12, 6),
        ("brick", 16, 8),
        ("brick", 18, 6),
        ("clus2", 14, 7),
        ("clus2", 20, 10),
        ("clus2", 24, 12),
        ("clus3", 18, 6),
    )
    for neighbours in (False, True)
)


class CutCase:
    """A cutting, pruned and its cuts found, ready to be timed and predicted."""

    def __init__(self, cutting: Cutting) -> None:
        self.cutting = cutting
        unpruned = cut_circuits.FAMILIES[cutting.family](cutting.qubits)
        skeleton, middle = read_skeleton(unpruned), cutting.qubits // 2
        pairs = range(cutting.qubits - 1) if cutting.neighbours else [middle]
        letters = [{q: "Z", q + 1: "Z"} for q in pairs]
        (part,) = whole(skeleton, light_cones(skeleton, letters), letters)
        self.circuit, self.letters = kept(unpruned, skeleton, part.cone).circuit, part.letters
        strings = [("".join(term.values()), list(term), 1.0) for term in self.letters]
        self.observable = SparsePauliOp.from_sparse_list(strings, num_qubits=self.circuit.num_qubits)
        self.width = min(cutting.width, -(-self.circuit.num_qubits // 2))
        self.cuts: Cuts = find_cuts(self.circuit, self.width).best.cuts
        self.runner = CutRunner(Here(), tuple)

    def find(self) -> float:
        """Seconds of looking for the cuts."""
        began = perf_counter()
        find_cuts(self.circuit, self.width, effort=EFFORT, more_parts=0)
        return perf_counter() - began

    def run(self) -> float:
        """Seconds of running it cut, one fragment after another."""
        began = perf_counter()
        self.runner.expectation(self.circuit, self.cuts, self.observable).result()
        return perf_counter() - began

    def predicted(self, model: str, rates: dict[str, Rates]) -> Prediction:
        """As a planner would have it."""
        if model == FIND:
            skeleton = read_skeleton(self.circuit)
            seen = glance(skeleton)
            return Find(rates[FIND]).predict(Search.of(skeleton), seen.bits if seen else 0)
        cut = observed(cut_circuit(self.circuit, self.cuts), {qubit for term in self.letters for qubit in term})
        cost = Cut(rates[CUT], StateVector(rates[AER])).cost(cut, self.letters)
        return together([cost.prepare, *(part.prediction for part in cost.parts), cost.finish])


def measure(rounds: int, widest: int) -> CostModels:
    """All rounds, the fit, and what it says of the held-out circuits; none has more qubits than `widest`."""
    facts, place = machine(), look_around()
    fitted = [
        one
        for one in suite(place.lightning)
        if one.model != DISPATCH and one.stage != BACK and (one.qubits <= widest or is_here(one))
    ]
    cases = [CutCase(cutting) for cutting in CUTTINGS if cutting.qubits <= widest]
    of_cases: dict[tuple[str, int], list[float]] = {(kind, i): [] for kind in (FIND, CUT) for i in range(len(cases))}
    for case in cases:
        case.run()
    models = (AER, LIGHTNING, MPS) if place.lightning else (AER, MPS)
    others = [(model, program) for model in models for program in held_out() if _runs(model, program, widest)]
    of_fitted: dict[Benchmark, list[Seconds]] = {benchmark: [] for benchmark in fitted}
    of_others: list[list[Seconds]] = [[] for _ in others]
    circuits = {program.name: qiskit_circuit(program) for _, program in others}
    for model in models:  # the first use of a simulator pays for its import
        timed(model, circuits["efficient-su2-5"], {0: "Z"})
    for _ in range(rounds):
        for benchmark in fitted:
            of_fitted[benchmark].append(
                Seconds(seconds_here(Here(), benchmark, cancel_unshipped))
                if is_here(benchmark)
                else measured(benchmark)
            )
        for found, (model, program) in zip(of_others, others, strict=True):
            found.append(timed(model, circuits[program.name], dict.fromkeys(range(program.qubits), "Z")))
        for (kind, i), spent in of_cases.items():
            spent.append(cases[i].find() if kind == FIND else cases[i].run())
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
                    measured=median(seconds[::2]),
                    again=median(seconds[1::2]),
                )
            )
            assumed.append(_agreement(_predicted(model, program, bool(warm), ASSUMED[model]).seconds, median(seconds)))
    for (kind, i), timings in of_cases.items():
        prediction = cases[i].predicted(kind, rates)
        rows.append(
            Row(
                model=kind,
                circuit=cases[i].cutting.name,
                qubits=cases[i].circuit.num_qubits,
                warm=True,
                predicted=prediction.seconds,
                low=prediction.low,
                high=prediction.high,
                measured=median(timings[::2]),
                again=median(timings[1::2]),
            )
        )
        assumed.append(_agreement(cases[i].predicted(kind, dict(ASSUMED)).seconds, median(timings)))
    return CostModels(
        value_accuracy=_rounded(_agreement(row.predicted, (row.measured + row.again) / 2) for row in rows),
        noise_floor=_rounded(_agreement(row.measured, row.again) for row in rows),
        models=tuple(
            _accuracy(
                model,
                [row for row in rows if row.model == model],
                [value for value, row in zip(assumed, rows, strict=True) if row.model == model],
            )
            for model in (*models, *((FIND, CUT) if cases else ()))
        ),
        rounds=rounds,
        rows=tuple(rows),
        settings="one process, one thread; Z on every qubit; suite and held-out circuits in turns, medians",
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
    return MatrixProductState(rates).predict(
        skeleton, terms, lambda _: follow(qiskit_circuit(program), Patience(PROBED, bits=9))
    )


def _columns(found: list[Seconds]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(each.cold for each in found), tuple(each.warm for each in found if each.warm is not None)


def _accuracy(model: str, rows: list[Row], assumed: list[float]) -> Accuracy:
    best = [(row.measured + row.again) / 2 for row in rows]
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
