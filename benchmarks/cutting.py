"""What cutting a circuit gains: against the reference way to cut, and against the best way not to.

Reference: qiskit-addon-cutting as documented (find_cuts, partition_problem, generate_cutting_experiments with all
terms, one Aer SamplerV2 job per subexperiment, reconstruct_expectation_values), on EfficientSU2 and a transverse-field
Ising chain, Z on the last qubit. Ours: find_cuts and a `CutRunner`, exact and with as many shots in all. Both in one
session with `local://?cores=2`, cut finding and dispatch included; the reference's jobs are tasks of that session.

Uncut: `clustered(24, 2, 12, 3)`, Z on the last qubit, whole by state vector (Aer with two threads, lightning.qubit),
the same after pruning to the light cone, and Aer's matrix-product states, which are stopped after a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

import pilot_quantum as pq
from benchmarks.cut_circuits import FAMILIES, clustered, last_z
from benchmarks.cut_contenders import aer, cone, lightning, sampler_job
from benchmarks.pairs import Machine, Ratio, Samples, emit, in_turns, machine, parser, session_directory
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.errors import CircuitTooLargeError, TaskTimeoutError
from pilot_quantum.workload.cutting.execute import CutRunner
from pilot_quantum.workload.memory import Method, bytes_needed, check_fits
from pilot_quantum.workload.traits import Traits

WORKERS = 2
MPS_SECONDS = 20.0
MPS_PROOF_SECONDS = 600.0
SEED = 20261122


class Against(msgspec.Struct, frozen=True):
    """One circuit against the reference. Seconds; differences are of the values from the exact one, the largest."""

    circuit: str
    subexperiments: int
    shots: int
    exact: Samples
    sampled: Samples
    reference: Samples
    exact_speedup: Ratio
    sampled_speedup: Ratio
    exact_difference: float
    sampled_difference: float
    reference_difference: float


class Uncut(msgspec.Struct, frozen=True):
    """Ours against every way not to cut. Seconds."""

    circuit: str
    ours: Samples
    aer: Samples
    lightning: Samples
    cone_aer: Samples
    cone_lightning: Samples
    cone_qubits: int
    mps: str
    best: str
    speedup: Ratio
    difference: float


class Proof(msgspec.Struct, frozen=True):
    """A circuit that only cutting gets through. Seconds of ours, and what became of the others."""

    circuit: str
    seconds: Samples
    value: float
    state_vector: str
    light_cone: str
    mps: str


class Cutting(msgspec.Struct, frozen=True):
    """The figures: ratios of medians, of the slower circuit where there are two."""

    exact_speedup: float
    sampled_speedup: float
    uncut_speedup: float
    circuits: tuple[Against, ...]
    uncut: tuple[Uncut, ...]
    proof: tuple[Proof, ...]
    machine: Machine


Timed = Callable[[], float]


def timed(values: list[float], run: Callable[[], float]) -> float:
    """Seconds that `run` takes; its value is kept."""
    start = time.perf_counter()
    value = run()
    taken = time.perf_counter() - start
    values.append(value)
    return taken


def exact(runner: CutRunner, circuit: QuantumCircuit, width: int) -> float:
    """Our exact value, cut finding included."""
    cuts = find_cuts(circuit, width).best.cuts
    return float(runner.expectation(circuit, cuts, last_z(circuit.num_qubits)).result())


def sampled(runner: CutRunner, circuit: QuantumCircuit, width: int, shots: int) -> float:
    """Our value from as many shots in all as the reference spends."""
    cuts = find_cuts(circuit, width).best.cuts
    return float(runner.sampled(circuit, cuts, last_z(circuit.num_qubits), shots=shots).result().values)


def reference(session: pq.Session, circuit: QuantumCircuit, width: int, shots: int, jobs: list[int]) -> float:
    """The reference's value; `jobs` gets the number of its subexperiments."""
    from qiskit.primitives import PrimitiveResult
    from qiskit_addon_cutting import (  # type: ignore[import-untyped]
        cut_wires,
        expand_observables,
        generate_cutting_experiments,
        partition_problem,
        reconstruct_expectation_values,
    )
    from qiskit_addon_cutting.automated_cut_finding import (  # type: ignore[import-untyped]
        DeviceConstraints,
        OptimizationParameters,
    )
    from qiskit_addon_cutting.automated_cut_finding import find_cuts as find

    found, _ = find(circuit, OptimizationParameters(seed=111), DeviceConstraints(width))
    moved = cut_wires(found)
    observables = expand_observables(PauliList(["Z" + "I" * (circuit.num_qubits - 1)]), circuit, moved)
    problem = partition_problem(moved, observables=observables)
    experiments, weights = generate_cutting_experiments(problem.subcircuits, problem.subobservables, np.inf)
    futures = {
        label: session.submit_many(partial(sampler_job, shots=shots), each) for label, each in experiments.items()
    }
    results = {label: PrimitiveResult([one.result() for one in each]) for label, each in futures.items()}
    jobs.append(sum(map(len, futures.values())))
    return float(reconstruct_expectation_values(results, weights, problem.subobservables)[0])


def against(
    session: pq.Session, runner: CutRunner, name: str, qubits: int, width: int, shots: int, pairs: int
) -> Against:
    """Exact, sampled and reference in turns."""
    circuit = FAMILIES[name](qubits)
    true = exact(runner, circuit, circuit.num_qubits)
    jobs: list[int] = []
    values: list[list[float]] = [[], [], []]
    timed(values[2], partial(reference, session, circuit, width, shots, jobs))  # warms, and says how many jobs
    total = shots * jobs[0]
    contenders: list[Timed] = [
        partial(timed, values[0], partial(exact, runner, circuit, width)),
        partial(timed, values[1], partial(sampled, runner, circuit, width, total)),
    ]
    for contender in contenders:
        contender()
    contenders.append(partial(timed, values[2], partial(reference, session, circuit, width, shots, jobs)))
    ours, drawn, peer = in_turns(contenders, "s", pairs, warm=False)
    differences = [float(np.abs(np.array(each) - true).max()) for each in values]
    return Against(
        circuit=f"{name}-{qubits}, width {width}",
        subexperiments=jobs[0],
        shots=total,
        exact=ours,
        sampled=drawn,
        reference=peer,
        exact_speedup=Ratio.of(peer, ours),
        sampled_speedup=Ratio.of(peer, drawn),
        exact_difference=differences[0],
        sampled_difference=differences[1],
        reference_difference=differences[2],
    )


def uncut(session: pq.Session, runner: CutRunner, qubits: int, pairs: int) -> Uncut:
    """Ours and every uncut contender in turns; each of these may use both cores."""
    circuit = clustered(qubits, 2, 12, 3)
    pruned, alive = cone(circuit, circuit.num_qubits - 1)
    whole = session.with_options(needs=pq.Needs(cores=WORKERS))
    mps = stopped(session, circuit, MPS_SECONDS)
    warm(session, lightning, clustered(4, 2, 3, 1))
    observed = circuit.num_qubits - 1
    runs: dict[str, Callable[[], float]] = {
        "ours": partial(exact, runner, circuit, -(-qubits // 2)),
        "aer": lambda: float(whole.submit(aer, circuit, observed, WORKERS).result()),
        "lightning": lambda: float(whole.submit(lightning, circuit, observed).result()),
        "cone_aer": lambda: float(whole.submit(aer, pruned, observed, WORKERS).result()),
        "cone_lightning": lambda: float(whole.submit(lightning, pruned, observed).result()),
    }
    values: dict[str, list[float]] = {name: [] for name in runs}
    samples = in_turns([partial(timed, values[name], run) for name, run in runs.items()], "s", pairs)
    named = dict(zip(runs, samples, strict=True))
    best = min((name for name in runs if name != "ours"), key=lambda name: named[name].median)
    every = np.concatenate([np.array(each) for each in values.values()])
    return Uncut(
        circuit=f"clustered({qubits}, 2, 12, 3)",
        ours=named["ours"],
        aer=named["aer"],
        lightning=named["lightning"],
        cone_aer=named["cone_aer"],
        cone_lightning=named["cone_lightning"],
        cone_qubits=alive,
        mps=mps,
        best=best,
        speedup=Ratio.of(named[best], named["ours"]),
        difference=float(np.ptp(every)),
    )


def prove(session: pq.Session, runner: CutRunner, pairs: int) -> Proof:
    """`clustered(40, 2, 10, 3)` by cutting; what stops every other way."""
    circuit = clustered(40, 2, 10, 3)
    values: list[float] = []
    (seconds,) = in_turns([partial(timed, values, partial(exact, runner, circuit, 20))], "s", pairs, warm=False)
    pruned, alive = cone(circuit, 39)
    return Proof(
        circuit="clustered(40, 2, 10, 3)",
        seconds=seconds,
        value=values[0],
        state_vector=refused(session, 40, len(circuit.data)),
        light_cone=refused(session, alive, len(pruned.data)),
        mps=stopped(session, pruned, MPS_PROOF_SECONDS),
    )


def refused(session: pq.Session, qubits: int, gates: int) -> str:
    """What the memory prediction says of a state vector."""
    traits = Traits(gates, qubits)
    try:
        check_fits("the circuit", traits, session.resources())
    except CircuitTooLargeError as error:
        return f"refused: {error}"
    return f"fits: {bytes_needed(traits)} bytes"


def stopped(session: pq.Session, circuit: QuantumCircuit, seconds: float) -> str:
    """How matrix-product states fare within `seconds`."""
    task = session.with_options(needs=pq.Needs(cores=WORKERS), timeout=seconds, name="mps")
    start = time.perf_counter()
    try:
        task.submit(aer, circuit, circuit.num_qubits - 1, WORKERS, "matrix_product_state").result()
    except TaskTimeoutError:
        return f"stopped after {seconds:g} s"
    return f"took {time.perf_counter() - start:.3g} s"


def warm(session: pq.Session, contender: Callable[..., Any], circuit: QuantumCircuit) -> None:
    """Have every worker import what a contender needs: two tasks that wait for each other cannot share one."""
    for _ in range(3):
        for future in session.submit_many(contender, [circuit] * WORKERS, [0] * WORKERS):
            future.result()


def measure(qubits: int, width: int, wide: int, shots: int, pairs: int, proving: bool) -> Cutting:
    """All figures, in one session."""
    facts = machine()
    with session_directory() as directory, pq.Session(directory) as session:
        session.add_pilot(f"local://?cores={WORKERS}")
        submitter = session.with_options(name="fragment")
        runner = CutRunner(submitter, session.resources, cancel=session.cancel, simulator=Method.LIGHTNING)
        each: Sequence[Against] = [
            against(session, runner, name, qubits, width, shots, pairs) for name in ("esu2", "tfim")
        ]
        whole = uncut(session, runner, wide, pairs)
        proofs = (prove(session, runner, 1),) if proving else ()
    return Cutting(
        exact_speedup=min(one.exact_speedup.ratio for one in each),
        sampled_speedup=min(one.sampled_speedup.ratio for one in each),
        uncut_speedup=whole.speedup.ratio,
        circuits=tuple(each),
        uncut=(whole,),
        proof=proofs,
        machine=facts,
    )


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--qubits", type=int, default=16, help="of the circuits cut both ways (default: %(default)s)")
    options.add_argument("--width", type=int, default=8, help="of their fragments (default: %(default)s)")
    options.add_argument("--wide", type=int, default=24, help="qubits of the clustered circuit (default: %(default)s)")
    options.add_argument("--shots", type=int, default=4096, help="of each job of the reference (default: %(default)s)")
    options.add_argument("--prove", action="store_true", help="clustered(40, 2, 10, 3) too; up to 12 minutes more")
    args = options.parse_args()
    emit(measure(args.qubits, args.width, args.wide, args.shots, args.pairs, args.prove), args.json)


if __name__ == "__main__":
    main()
