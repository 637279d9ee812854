"""Micro-benchmarks of the session's own part: looking for cuts, writing circuits, cutting them, putting together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from time import perf_counter, sleep
from typing import Any

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.observable import Observable, Term
from pilot_quantum.dreamer.calibration import divided, observed
from pilot_quantum.dreamer.models.cut import BACK, FINISH, PREPARE
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.find import EFFORT, FIND
from pilot_quantum.dreamer.models.state_vector import LIGHTNING
from pilot_quantum.dreamer.models.write import WRITE
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.dreamer.suite import Benchmark, cut_gates, program, strings
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.workload.cutting.execute import CutRunner, prepared
from pilot_quantum.workload.cutting.fleet import Fleet
from pilot_quantum.workload.planned.runner import PlanRunner
from pilot_quantum.workload.submitter import Cancel, Submitter

RESTED = 0.004
"""Seconds without tasks before some are handed over: a call in a tight loop takes half the time of the first."""


def is_here(benchmark: Benchmark) -> bool:
    """Whether it is measured in the session; the others run as tasks."""
    return benchmark.model in (DISPATCH, FIND, WRITE) or benchmark.stage in (PREPARE, FINISH, BACK)


def seconds_here(submitter: Submitter, benchmark: Benchmark, cancel: Cancel) -> float:
    """Run one such benchmark. submitter, cancel: for what goes to workers and comes back."""
    if benchmark.model == DISPATCH:
        payload = bytes(benchmark.size)
        sleep(RESTED)
        return _seconds(lambda: waited([submitter.submit(len, payload) for _ in range(benchmark.qubits)], cancel))
    if benchmark.stage == BACK:
        full, empty = (
            min(_seconds(partial(_sent_back, submitter, size, cancel)) for _ in range(2))
            for size in (benchmark.size, 8)
        )
        return max(full - empty, 1e-10 * benchmark.size)  # at most 10 GB/s: below, it is noise
    circuit = qiskit_circuit(program(benchmark))
    if benchmark.model == FIND:
        width = divided(benchmark).width
        return _seconds(lambda: find_cuts(circuit, width, effort=EFFORT, more_parts=benchmark.parts - 2))
    if benchmark.model == WRITE:
        terms = [Term(1.0, tuple(term.items())) for term in observed(benchmark)]
        question = Question(circuit, (Observable(tuple(terms), None),), ())
        candidate = Candidate("lightning", LIGHTNING, Pruning.NONE, Prediction(0.0, 0.0, 0.0))
        plan = Plan(question, (), Target(), (candidate,), candidate, (), 0.0)
        return _seconds(lambda: PlanRunner(_Nobody(submitter.options), tuple).run(plan))
    return _cutting(submitter, benchmark, cancel)


def waited(futures: list[Future[Any]], cancel: Cancel) -> list[Any]:
    """The results of all; what was interrupted is cancelled."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        cancel(*futures)
        raise


def _sent_back(submitter: Submitter, size: int, cancel: Cancel) -> None:
    waited([submitter.submit(np.zeros, size // 8)], cancel)


def _cutting(submitter: Submitter, benchmark: Benchmark, cancel: Cancel) -> float:
    """Preparing the parts, or putting together tensors of their shapes: what is in them makes no difference."""
    terms = [("".join(term.values()), list(term), 1.0) for term in strings(benchmark)]
    observable = SparsePauliOp.from_sparse_list(terms, num_qubits=benchmark.qubits)
    circuit, cuts = qiskit_circuit(program(benchmark)), Cuts(cut_gates(benchmark))
    nobody = _Nobody(submitter.options)
    if benchmark.stage == PREPARE:
        return _seconds(lambda: CutRunner(nobody, tuple).expectation(circuit, cuts, observable))
    expectation = prepared(Fleet(nobody, tuple, cancel), circuit, cuts, observable)
    found = {
        key: np.full((len(terms), work.shape.variants, work.shape.variants), 0.1 + 0j)
        for key, (_, work, terms) in expectation.parts()
    }
    return _seconds(lambda: expectation.values(found))


class _Nobody:
    """A submitter with whom nothing runs: what is handed to it never ends."""

    def __init__(self, options: TaskOptions) -> None:
        self.options = options

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        return Future()

    def with_options(self, **options: Any) -> _Nobody:
        return _Nobody(self.options.changed(**options))


def _seconds(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began
