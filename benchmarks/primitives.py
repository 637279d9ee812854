"""What a session's estimator costs and gains against Qiskit Aer's own EstimatorV2 in the same process.

Batch: 64 EfficientSU2 (18 qubits, 3 repetitions, linear), each with its own parameters; observable: the sum of the 17
neighbouring ZZ. Ours: a session as users get it (journal on) with the pilot `local://?cores=2`, 64 PUBs in one call.
Peers, all exact (precision 0, state vector, double precision, Aer's defaults beside what is named): one thread; two
threads; two circuits at a time, for which the 64 have to be 64 bindings of a single PUB, as Aer runs PUBs one by one.

Loop: 200 iterations of a 10-qubit EfficientSU2, each with parameters that depend on the last value; once given in the
PUB, once bound by `assign_parameters`. Peer: Aer's EstimatorV2 with its defaults.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BaseEstimatorV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2

import pilot_quantum as pq
from benchmarks.pairs import Machine, Ratio, Samples, emit, in_turns, machine, parser, session_directory

WORKERS = 2
SEED = 20261122
AER = {
    "one_thread": {"max_parallel_threads": 1},
    "two_threads": {"max_parallel_threads": 2},
    "two_experiments": {"max_parallel_threads": 2, "max_parallel_experiments": 2},
}
Values = NDArray[np.float64]


class Primitives(msgspec.Struct, frozen=True):
    """The figures: seconds are medians of the rounds, ratios those of the medians.

    batch_speedup: of Aer's seconds with one thread over ours. batch_vs_best: of the fastest peer's over ours.
    loop_ratio, loop_ratio_bound: of our seconds over Aer's.
    """

    batch_speedup: float
    batch_vs_best: float
    best_peer: str
    loop_ratio: float
    loop_ratio_bound: float
    circuits: int
    iterations: int
    largest_difference: float
    batch: Samples
    batch_one_thread: Samples
    batch_two_threads: Samples
    batch_two_experiments: Samples
    batch_speedup_pairs: Ratio
    batch_vs_best_pairs: Ratio
    loop: Samples
    loop_peer: Samples
    loop_pairs: Ratio
    loop_bound: Samples
    loop_bound_peer: Samples
    loop_bound_pairs: Ratio
    ours_settings: str
    peer_settings: str
    machine: Machine


def ansatz(qubits: int) -> QuantumCircuit:
    """EfficientSU2 with three repetitions."""
    return efficient_su2(qubits, reps=3, entanglement="linear")


def neighbours(qubits: int) -> SparsePauliOp:
    """The sum of ZZ on all neighbouring qubits."""
    return SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], 1.0) for i in range(qubits - 1)], num_qubits=qubits)


def separate(estimator: BaseEstimatorV2, circuit: QuantumCircuit, observable: SparsePauliOp, values: Values) -> Values:
    """One PUB for each row of `values`."""
    results = estimator.run([(circuit, observable, row) for row in values]).result()
    return np.array([float(pub.data.evs) for pub in results])


def swept(estimator: BaseEstimatorV2, circuit: QuantumCircuit, observable: SparsePauliOp, values: Values) -> Values:
    """One PUB with all rows of `values`."""
    return np.asarray(estimator.run([(circuit, observable, values)]).result()[0].data.evs)


def loop(estimator: BaseEstimatorV2, circuit: QuantumCircuit, iterations: int, bind: bool) -> Values:
    """The values of an iteration in which each value decides the next parameters."""
    observable = neighbours(circuit.num_qubits)
    start, found = np.linspace(-1, 1, circuit.num_parameters), [0.0]
    for _ in range(iterations):
        values = start + 0.1 * found[-1]
        pub = (circuit.assign_parameters(values), observable) if bind else (circuit, observable, values)
        found.append(float(estimator.run([pub]).result()[0].data.evs))
    return np.array(found[1:])


def seconds(run: Callable[[], Values], expected: list[Values], differences: list[float]) -> float:
    """How long `run` takes; its values are compared with the first that anybody gave."""
    start = time.perf_counter()
    values = run()
    taken = time.perf_counter() - start
    expected.append(values)
    differences.append(float(np.abs(values - expected[0]).max()))
    return taken


def measure(circuits: int, iterations: int, pairs: int) -> Primitives:
    """Run all rounds; session and peers stay open throughout."""
    facts = machine()
    wide, narrow = ansatz(18), ansatz(10)
    values = np.random.default_rng(SEED).uniform(-np.pi, np.pi, (circuits, wide.num_parameters))
    peers = {name: EstimatorV2(options={"backend_options": dict(options)}) for name, options in AER.items()}
    differences: list[float] = []
    with session_directory() as directory, pq.Session(directory) as session:
        session.add_pilot(f"local://?cores={WORKERS}")
        ours: Any = session.estimator()
        batch = partial(_rounds, pairs, differences)
        found = batch(
            partial(separate, ours, wide, neighbours(18), values),
            partial(separate, peers["one_thread"], wide, neighbours(18), values),
            partial(separate, peers["two_threads"], wide, neighbours(18), values),
            partial(swept, peers["two_experiments"], wide, neighbours(18), values),
        )
        loops = [
            batch(
                partial(loop, ours, narrow, iterations, bind),
                partial(loop, EstimatorV2(), narrow, iterations, bind),
            )
            for bind in (False, True)
        ]
    named = dict(zip(AER, found[1:], strict=True))
    best = min(named, key=lambda name: named[name].median)
    speedup, against_best = Ratio.of(named["one_thread"], found[0]), Ratio.of(named[best], found[0])
    ratio, ratio_bound = (Ratio.of(*each) for each in loops)
    return Primitives(
        batch_speedup=speedup.ratio,
        batch_vs_best=against_best.ratio,
        best_peer=best,
        loop_ratio=ratio.ratio,
        loop_ratio_bound=ratio_bound.ratio,
        circuits=circuits,
        iterations=iterations,
        largest_difference=max(differences),
        batch=found[0],
        batch_one_thread=named["one_thread"],
        batch_two_threads=named["two_threads"],
        batch_two_experiments=named["two_experiments"],
        batch_speedup_pairs=speedup,
        batch_vs_best_pairs=against_best,
        loop=loops[0][0],
        loop_peer=loops[0][1],
        loop_pairs=ratio,
        loop_bound=loops[1][0],
        loop_bound_peer=loops[1][1],
        loop_bound_pairs=ratio_bound,
        ours_settings=f"Session(), local://?cores={WORKERS}, estimator(), {circuits} PUBs in one run, journal on",
        peer_settings=_peer_settings(),
        machine=facts,
    )


def _peer_settings() -> str:
    batch = [f"{name}: EstimatorV2(options={{'backend_options': {options}}})" for name, options in AER.items()]
    forms = "one_thread and two_threads: the same PUBs in one run; two_experiments: one PUB with all bindings"
    return "; ".join([*batch, forms, "loops: EstimatorV2(); precision 0 throughout"])


def _rounds(pairs: int, differences: list[float], *runs: Callable[[], Values]) -> list[Samples]:
    expected: list[Values] = []
    return in_turns([partial(seconds, run, expected, differences) for run in runs], "s", pairs)


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--circuits", type=int, default=64, help="circuits of the batch (default: %(default)s)")
    options.add_argument("--iterations", type=int, default=200, help="iterations of a loop (default: %(default)s)")
    args = options.parse_args()
    emit(measure(args.circuits, args.iterations, args.pairs), args.json)


if __name__ == "__main__":
    main()
