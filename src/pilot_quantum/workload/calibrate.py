"""Running the micro-benchmarks of Q-Dreamer on pilots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.choi import ChoiShape
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.light_cone import Letters, kept, light_cones
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.calibration import Measurement, observed
from pilot_quantum.dreamer.models.cut import OVERLAPS
from pilot_quantum.dreamer.models.light_cone import PRUNE, whole
from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.models.stabiliser import STABILISER
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.models.transpile import TRANSPILE
from pilot_quantum.dreamer.suite import ROUNDS, Benchmark, program
from pilot_quantum.errors import CalibrationError
from pilot_quantum.task.needs import Needs, variants
from pilot_quantum.workload.aer import Evolution, expectations
from pilot_quantum.workload.blob import from_blob, to_blob
from pilot_quantum.workload.calibrate_here import is_here, seconds_here, waited
from pilot_quantum.workload.cutting.gram import gram_tensors
from pilot_quantum.workload.flatten import flatten_for_mps
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.pauli import PauliTerms
from pilot_quantum.workload.program import read
from pilot_quantum.workload.submitter import Cancel, Submitter, cancel_unshipped, simulating

ENOUGH = 128 * 2**20 + 40 * 2**21
"""Bytes that the widest benchmark needs: a state of 21 qubits."""

_DISTURBANCE = np.ones(2**20)
"""8 MiB: more than a core's own cache."""

OnProgress = Callable[[int, int], None]
"""Called with the benchmarks that have been run, and with how many there are, rounds included."""


class Seconds(NamedTuple):
    """One run of a benchmark; warm is None where nothing can be kept from one run to the next."""

    cold: float
    warm: float | None = None


def run_suite(
    submitter: Submitter,
    benchmarks: Sequence[Benchmark],
    on_progress: OnProgress = lambda done, total: None,
    rounds: int = ROUNDS,
    cancel: Cancel = cancel_unshipped,
) -> list[Measurement]:
    """Run `benchmarks` on the submitter's pilots, one at a time, so that none disturbs another; `rounds` times in turn.

    A first, uncounted run of the smallest of each kind warms the worker up. What was interrupted is cancelled.
    Raises what a task raises.
    """
    simulator = submitter.with_options(needs=simulating(submitter.options.needs, ENOUGH), affinity="calibrate")
    smallest = {(b.model, b.stage, b.threads): b for b in sorted(benchmarks, key=lambda b: -b.qubits)}
    for benchmark in smallest.values():
        _once(simulator, benchmark, cancel)
    found: dict[Benchmark, list[Seconds]] = {benchmark: [] for benchmark in benchmarks}
    done, total = 0, rounds * len(benchmarks)
    on_progress(done, total)
    for _ in range(rounds):
        for benchmark in benchmarks:
            found[benchmark].append(_once(simulator, benchmark, cancel))
            done += 1
            on_progress(done, total)
    return [_measurement(benchmark, seconds) for benchmark, seconds in found.items()]


def asked(
    submitter: Submitter, function: Callable[..., Any], *arguments: Any, cancel: Cancel = cancel_unshipped
) -> Any:
    """What `function` returns on a worker. Cancelled where the wait is interrupted."""
    return waited([submitter.submit(function, *arguments)], cancel)[0]


def measured(benchmark: Benchmark) -> Seconds:
    """Run one benchmark in this process. Raises CalibrationError for one that is not run in a worker."""
    if benchmark.stage == OVERLAPS:
        return Seconds(_overlaps(benchmark))
    return timed(benchmark.model, qiskit_circuit(program(benchmark)), *observed(benchmark))


def timed(model: str, circuit: QuantumCircuit, *terms: Letters) -> Seconds:
    """Run `circuit`, of standard gates, by `model` and read these Pauli strings (a state vector: one), as a task would.

    Raises CalibrationError for a model that runs no whole circuit.
    """
    qubits = range(circuit.num_qubits)
    labels = ["".join([term.get(qubit, "I") for qubit in reversed(qubits)]) for term in terms]
    if model in (AER, LIGHTNING):
        return _state_vector(model, to_blob(circuit, standard=True), circuit.num_qubits)
    began = perf_counter()
    if model == MPS:
        expectations(flatten_for_mps(circuit), labels, Method.MPS)
    elif model == STABILISER:
        expectations(circuit, labels, Method.STABILIZER)
    elif model == PRUNE:
        skeleton = read_skeleton(circuit)
        (part,) = whole(skeleton, light_cones(skeleton, terms), terms)
        kept(circuit, skeleton, part.cone)
    elif model == TRANSPILE:
        _transpiled(circuit)
    else:
        raise CalibrationError(f"the cost model {model!r} has no micro-benchmark: it runs no whole circuit")
    return Seconds(perf_counter() - began)


def _once(submitter: Submitter, benchmark: Benchmark, cancel: Cancel) -> Seconds:
    if is_here(benchmark):
        return Seconds(seconds_here(submitter, benchmark, cancel))
    if benchmark.threads > 1:
        submitter = submitter.with_options(needs=simulating(variants(Needs(cores=benchmark.threads)), ENOUGH))
    found: Seconds = asked(submitter, measured, benchmark, cancel=cancel)
    return found


def _state_vector(model: str, blob: bytes, qubits: int) -> Seconds:
    """As `units.estimate` does it, without what that keeps between calls: from the circuit's bytes, and once more."""
    terms = PauliTerms(np.zeros((1, qubits), dtype=bool), np.ones((1, qubits), dtype=bool))
    row = np.zeros(0)
    began = perf_counter()
    program = read(from_blob(blob), identity=blob)
    local, _ = terms.on(list(program.active))
    evolution: Any
    if model == AER:
        evolution = Evolution(program)
    else:
        from pilot_quantum.workload.lightning import LightningEvolution

        evolution = LightningEvolution(program)
    local.expectations(evolution.final_state(program.angles.bound(row)))
    cold = perf_counter() - began
    _DISTURBANCE.sum()  # other work comes in between, and what a core had at hand is gone
    began = perf_counter()
    local.expectations(evolution.final_state(program.angles.bound(row)))
    return Seconds(cold, perf_counter() - began)


def _overlaps(benchmark: Benchmark) -> float:
    """Overlaps of states of `qubits` qubits, `size` of them, for strings of X and Z: from the final state on."""
    legs, qubits = benchmark.size.bit_length() - 1, benchmark.qubits
    state = np.full(2 ** (legs + qubits), 0.1 + 0j)
    letters = np.arange(benchmark.terms)[:, None] >> np.arange(qubits) & 1 == 1
    shape = ChoiShape(qubits, (2,) * legs, ())
    began = perf_counter()
    gram_tensors(shape.opened(state), PauliTerms(letters, ~letters))
    return perf_counter() - began


def _transpiled(circuit: QuantumCircuit) -> None:
    """To a line of as many qubits, in the gates of a common QPU."""
    from qiskit import transpile
    from qiskit.transpiler import CouplingMap

    line = CouplingMap.from_line(circuit.num_qubits)
    transpile(circuit, coupling_map=line, basis_gates=["cz", "sx", "rz", "x"], optimization_level=1, seed_transpiler=1)


def _measurement(benchmark: Benchmark, seconds: Sequence[Seconds]) -> Measurement:
    warm = tuple(each.warm for each in seconds if each.warm is not None)
    return Measurement(benchmark, tuple(each.cold for each in seconds), warm)
