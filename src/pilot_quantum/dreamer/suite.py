"""The micro-benchmarks of a calibration, as data: which circuits, how wide, by which method.

Few circuits of every kind that the models tell apart, from far below to well above the widths at which regimes change;
about a minute altogether on one core, three rounds included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from pilot_quantum.circuit import families
from pilot_quantum.circuit.program import Program
from pilot_quantum.dreamer.models.cut import BACK, CUT, FINISH, OVERLAPS, PREPARE
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.find import FIND
from pilot_quantum.dreamer.models.light_cone import PRUNE
from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.models.stabiliser import STABILISER
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.models.transpile import TRANSPILE
from pilot_quantum.dreamer.models.write import WRITE

ROUNDS = 3
"""How often each is run, all of them in turn: what disturbs one round disturbs all alike."""


class Benchmark(msgspec.Struct, frozen=True):
    """One micro-benchmark.

    model: whose rates it is for. family: of the circuit, a key of `FAMILIES`; "" for dispatching. qubits: its width, or
    tasks at once. size: layers, steps or gates, as the family has it; or the bytes that each task is sent. stage: of a
    cut circuit's way to its answer. parts: blocks of qubits that a circuit is cut in, which may fall into several
    fragments where nothing else holds them together, or that a search looks for at most. terms: Pauli strings that are
    asked for. threads: of the simulator.
    """

    model: str
    family: str
    qubits: int
    size: int
    stage: str = ""
    parts: int = 2
    terms: int = 1
    threads: int = 1

    def __str__(self) -> str:
        words = [self.model, self.stage, self.family or "tasks", f"{self.qubits} x {self.size}"]
        return " ".join(word for word in words if word)


def cut_gates(benchmark: Benchmark) -> tuple[int, ...]:
    """Which gates of a benchmark's circuit are cut: those between blocks of neighbouring qubits, all of one size."""
    block = -(-benchmark.qubits // benchmark.parts)
    return tuple(
        index
        for index, gate in enumerate(program(benchmark).gates)
        if len({qubit // block for qubit in gate.qubits}) > 1
    )


def strings(benchmark: Benchmark) -> list[dict[int, str]]:
    """What is asked of a cut circuit: Z on neighbouring qubits, pairs in the middle first."""
    middle = (benchmark.qubits - 1) / 2
    pairs = sorted(range(benchmark.qubits - 1), key=lambda first: (abs(first + 0.5 - middle), first))
    return [{first: "Z", first + 1: "Z"} for first in pairs[: benchmark.terms]]


def _qaoa(qubits: int, layers: int) -> Program:
    edges = families.regular_graph(qubits, 3, seed=qubits)
    return families.qaoa(qubits, edges, (0.7,) * layers, (0.4,) * layers)


FAMILIES: Mapping[str, Callable[[int, int], Program]] = {
    "efficient-su2": lambda qubits, layers: families.efficient_su2(qubits, layers, seed=qubits),
    "brickwork": lambda qubits, layers: families.brickwork(qubits, layers, seed=qubits),
    "tfim": lambda qubits, steps: families.tfim(qubits, steps, 0.5),
    "qaoa": _qaoa,
    "ghz": lambda qubits, _: families.ghz(qubits),
    "qft": lambda qubits, value: families.qft(qubits, value),
    "clifford": lambda qubits, gates: families.clifford(qubits, gates, seed=qubits),
    "w": lambda qubits, _: families.w_state(qubits),
}


def program(benchmark: Benchmark) -> Program:
    """The circuit of a benchmark. Raises KeyError for one of dispatching, which has none."""
    return FAMILIES[benchmark.family](benchmark.qubits, benchmark.size)


def suite(lightning: bool = True, cores: int = 1) -> tuple[Benchmark, ...]:
    """All micro-benchmarks; without those of Lightning where it is not installed, of threads with one core."""
    vectors = [AER, LIGHTNING] if lightning else [AER]
    return (
        *(Benchmark(model, *circuit) for model in vectors for circuit in _STATE_VECTORS),
        *(Benchmark(AER, *circuit, threads=2) for circuit in _THREADED if cores > 1),
        *(Benchmark(MPS, *circuit) for circuit in _PRODUCTS),
        *(Benchmark(MPS, *circuit, terms=circuit[1] - 1) for circuit in _READ),
        *(Benchmark(STABILISER, "clifford", qubits, gates) for qubits in (8, 40, 120) for gates in (20, 200)),
        *(Benchmark(PRUNE, "tfim", qubits, steps) for qubits in (8, 20, 60) for steps in (2, 6)),
        *(Benchmark(TRANSPILE, "efficient-su2", qubits, 2) for qubits in (4, 8, 16)),
        *(Benchmark(FIND, family, qubits, size, "", parts) for family, qubits, size, parts in _SEARCHES),
        *(Benchmark(WRITE, family, qubits, 2) for family in ("efficient-su2", "tfim", "qft") for qubits in (4, 12, 30)),
        *(Benchmark(WRITE, "tfim", qubits, 2, terms=qubits - 1) for qubits in (4, 12, 30)),
        *(
            Benchmark(CUT, family, qubits, size, stage, parts, terms)
            for stage in (PREPARE, FINISH)
            for family, qubits, size, parts, terms in _CUTS
        ),
        *(Benchmark(CUT, "", qubits, variants, OVERLAPS, terms=terms) for qubits, variants, terms in _OVERLAPS),
        *(Benchmark(CUT, "", 1, size, BACK) for size in (10**6, 3 * 10**6, 10**7, 6 * 10**7)),
        *(Benchmark(DISPATCH, "", tasks, sent) for tasks, sent in _DISPATCHED),
    )


_STATE_VECTORS = (
    *(("efficient-su2", qubits, 2) for qubits in (3, 6, 9, 11, 13, 14, 15, 17, 19, 20)),
    *(("brickwork", qubits, 4) for qubits in (4, 8, 12, 14, 16, 18)),
    *(("tfim", qubits, 3) for qubits in (4, 8, 11, 13, 14, 15, 17, 19, 21)),
    *(("qaoa", qubits, 1) for qubits in (6, 10, 14, 16, 18, 20)),
    *(("ghz", qubits, 1) for qubits in (4, 10, 13, 14, 16, 19, 21)),
    *(("clifford", qubits, 8 * qubits) for qubits in (7, 12, 16, 18)),
    *(("qft", qubits, 11) for qubits in (5, 10, 13, 14, 16, 18)),
)

_THREADED = (("efficient-su2", 16, 2), ("brickwork", 17, 4), ("tfim", 19, 3), ("qaoa", 18, 1), ("ghz", 20, 1))

_DISPATCHED = ((1, 0), (2, 0), (4, 0), (8, 0), (20, 0), (200, 0), (1, 10**6), (20, 10**5))

_SEARCHES = (
    *(("tfim", qubits, 3, parts) for qubits, parts in ((8, 2), (20, 2), (20, 4), (60, 2))),
    *(("brickwork", qubits, 8, 2) for qubits in (12, 20)),
    *(("ghz", qubits, 1, parts) for qubits, parts in ((12, 2), (40, 4), (80, 2))),
    *(("qaoa", qubits, 1, parts) for qubits, parts in ((8, 2), (16, 4), (30, 2), (60, 2))),
    *(("qft", qubits, 5, parts) for qubits, parts in ((8, 2), (12, 4), (16, 2))),
    *(("clifford", qubits, 3 * qubits, parts) for qubits, parts in ((12, 2), (16, 4), (24, 2), (40, 2))),
)

_CUTS = (
    *(("efficient-su2", qubits, 2, 2, terms) for qubits, terms in ((6, 1), (12, 11), (20, 1), (20, 19))),
    *(("tfim", qubits, size, 2, terms) for qubits, size, terms in ((8, 3, 7), (12, 4, 11), (12, 5, 1))),
    *(("tfim", qubits, 2, 3, terms) for qubits, terms in ((9, 1), (18, 17))),
    *(("brickwork", qubits, 4, 2, terms) for qubits, terms in ((10, 1), (18, 17))),
    # Many cuts: what takes time is to bring the tensors into order, and to sum over their indices.
    *(("tfim", qubits, size, parts, terms) for qubits, size, parts, terms in ((12, 8, 2, 11), (9, 4, 3, 8))),
    ("brickwork", 18, 8, 3, 1),
    *(("qaoa", qubits, size, parts, terms) for qubits, size, parts, terms in ((8, 2, 3, 7), (10, 2, 4, 2))),
    *(("qaoa", qubits, 1, parts, terms) for qubits, parts, terms in ((10, 2, 9), (12, 4, 11))),
)

_OVERLAPS = (
    *((4, 4, 1), (4, 4, 20), (8, 8, 5), (8, 32, 5), (6, 64, 2), (12, 4, 5), (12, 16, 3), (14, 8, 2), (16, 4, 2)),
    *((4, 128, 10), (5, 256, 2), (3, 512, 3)),
)

_PRODUCTS = (
    *(("ghz", qubits, 1) for qubits in (6, 20, 40)),
    *(("efficient-su2", qubits, 2) for qubits in (6, 16, 32)),
    *(("brickwork", qubits, qubits) for qubits in (6, 8, 10, 12, 14)),
    *(("brickwork", qubits, 6) for qubits in (16, 32)),
    *(("qaoa", qubits, 2) for qubits in (8, 10, 12, 14)),
    *(("qft", qubits, 11) for qubits in (10, 16, 20)),
    *(("clifford", qubits, 6 * qubits) for qubits in (10, 14)),
    *(("w", qubits, 1) for qubits in (7, 14)),
)
_READ = (
    ("efficient-su2", 8, 2),
    ("tfim", 16, 3),
    ("tfim", 24, 2),
    ("brickwork", 12, 8),
    ("brickwork", 14, 12),
    ("qaoa", 12, 1),
    ("qaoa", 14, 2),
    ("ghz", 30, 1),
)
