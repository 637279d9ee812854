"""One case of a validation on one set-up: planned, then every candidate timed in turns, and "auto" against the best."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING

from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.fragments import CutCircuit, Fragment, LegKind
from pilot_quantum.circuit.observable import parse_observable, pauli_operator
from pilot_quantum.cli.contest import DUEL, Contender, contest
from pilot_quantum.cli.setups import Stage
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.public_suite import Case
from pilot_quantum.dreamer.validation import Row, Timed
from pilot_quantum.errors import PilotQuantumError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp

    from pilot_quantum.dreamer.planning.candidate import Candidate
    from pilot_quantum.dreamer.planning.plan import Plan
    from pilot_quantum.resource.profile import ResourceProfile
    from pilot_quantum.session import Session

AUTO = "auto"


def measured(stage: Stage, case: Case, rounds: int, wanted: Callable[[Candidate], bool] = lambda _: True) -> Row:
    """Plan `case` and time every candidate that was not refused, at least `rounds` times.

    wanted: false for candidates to leave out. What is timed begins with the circuit: for a candidate, with planning
    that one again; for "auto", with an estimator that knows no plans, and what was learned of other circuits alone.
    Where there is no plan, the row has no candidates and says why.
    """
    from pilot_quantum.dreamer.planning.planner import examine
    from pilot_quantum.dreamer.planning.question import question_of

    session = stage.session
    resources = session.resources()
    circuit = qiskit_circuit(case.program)
    operator = pauli_operator(parse_observable(case.observable), circuit.num_qubits)
    try:
        for _ in range(2):  # the first use of a part of the planner pays for its import
            chosen = examine(question_of(circuit, operator), resources, warm=True)
        whole = examine(question_of(circuit, operator), resources, warm=True, thorough=True)
    except PilotQuantumError as error:
        failed = {"plan": f"{type(error).__name__}: {error}"}
        return Row(
            stage.setup.name, stage.setup.workers, case.name, circuit.num_qubits, "", (), {}, failed, (), (), 0.0, 0.0
        )
    candidates = {one.name: one for one in whole.candidates if not one.refused and wanted(one)}
    candidates.setdefault(chosen.best.name, chosen.best)
    contenders = []
    for name, one in sorted(candidates.items(), key=lambda item: item[1].prediction.seconds):
        source = whole if any(other.name == name for other in whole.candidates) else chosen
        contenders.append(Contender(name, _Planned(session, source, one.name)))
    gc.collect()  # so that what earlier cases left is not collected within somebody's turn
    contest(contenders, rounds, rehearsals=stage.setup.workers, after_stop=stage.warm)
    best = min(contenders, key=lambda one: one.typical)
    auto, fixed = (
        Contender(name, _Estimated(session, resources, circuit, operator, name)) for name in (AUTO, best.name)
    )
    contest([auto, fixed], rounds, rehearsals=stage.setup.workers, after_stop=stage.warm, seconds=DUEL)
    values = [value for one in (*contenders, auto, fixed) for value in one.values]
    timed = [_timed(whole, candidates[one.name], one) for one in contenders if one.seconds or one.stopped]
    return Row(
        setup=stage.setup.name,
        workers=stage.setup.workers,
        case=case.name,
        qubits=circuit.num_qubits,
        chosen=chosen.best.name,
        candidates=tuple(timed),
        refused={one.name: one.refused for one in whole.candidates if one.refused},
        failed={one.name: one.failed for one in (*contenders, auto, fixed) if one.failed},
        auto=tuple(auto.seconds or ([auto.stopped] if auto.stopped else [])),
        fixed=tuple(fixed.seconds or ([fixed.stopped] if fixed.stopped else [])),
        planning=chosen.seconds,
        difference=max(values) - min(values) if values else 0.0,
    )


class _Planned:
    """Runs one candidate, as a user who has settled for it would."""

    def __init__(self, session: Session, plan: Plan, name: str) -> None:
        self._session, self._plan, self._name = session, plan, name

    def __call__(self, limit: float) -> tuple[float, float]:
        began = perf_counter()
        job = self._session.run(self._plan.redone(self._name))
        try:
            value = job.result(max(0.0, limit - (perf_counter() - began)))
        except BaseException:
            job.cancel()
            raise
        return perf_counter() - began, float(value)


class _Estimated:
    """Asks an estimator that knows no plans; `strategy` says whether the planner chooses, or what is settled.

    resources: the pilots, with what was learned before this circuit.
    """

    def __init__(
        self,
        session: Session,
        resources: Sequence[ResourceProfile],
        circuit: QuantumCircuit,
        operator: SparsePauliOp,
        strategy: str,
    ) -> None:
        self._session, self._known = session, resources
        self._circuit, self._operator, self._strategy = circuit, operator, strategy

    def __call__(self, limit: float) -> tuple[float, float]:
        from pilot_quantum.interfaces.qiskit import Estimator

        session = self._session
        began = perf_counter()
        estimator = Estimator(
            session.with_options(),
            self._resources,
            cancel=session.cancel,
            strategy=self._strategy,
            experience=session.experience,
        )
        job = estimator.run([(self._circuit, self._operator)])
        try:
            value = job.result(max(0.0, limit - (perf_counter() - began)))[0].data.evs
        except BaseException:
            job.cancel()
            raise
        return perf_counter() - began, float(value)

    def _resources(self) -> Sequence[ResourceProfile]:
        self._session.resources()  # which belongs to the time that an estimator takes
        return self._known


def _timed(plan: Plan, candidate: Candidate, contender: Contender) -> Timed:
    qubits, tasks = _extent(plan, candidate)
    return Timed(
        name=candidate.name,
        method=candidate.method,
        pruned=candidate.pruning.value,
        qubits=qubits,
        tasks=tasks,
        predicted=candidate.prediction.seconds,
        by_rates=candidate.prediction.seconds / candidate.surprise,
        low=candidate.prediction.low,
        high=candidate.prediction.high,
        memory=candidate.prediction.memory,
        seconds=tuple(contender.seconds) or (contender.stopped,),
        stopped=not contender.seconds,
    )


def _extent(plan: Plan, candidate: Candidate) -> tuple[int, int]:
    """Qubits of the widest state, and how many circuits are run, each variant of a fragment counted."""
    if candidate.method == CUT:
        cut = plan.question.pieces(candidate.cuts)
        return max(fragment.width for fragment in cut.fragments), sum(_variants(cut, one) for one in cut.fragments)
    parts = plan.question.circuits(candidate)
    return max(circuit.num_qubits for circuit, *_ in parts), len(parts)


def _variants(cut: CutCircuit, fragment: Fragment) -> int:
    """States that a fragment is run for: a value of each cut gate's index and each bit of a wire that enters."""
    return prod(cut.links[leg.link].terms for leg in fragment.legs if leg.kind is not LegKind.OUTGOING)
