"""Plans on a session's workers."""

from __future__ import annotations

from concurrent.futures import CancelledError

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector
from tests.workload.planned.ways import EXACT, cut, plan_of, way

import pilot_quantum as pq
from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.terms import observable_of
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.errors import CircuitError, SessionClosedError, UnsatisfiableError

pytestmark = pytest.mark.requires("aer", "lightning")

WAIT = 120  # seconds


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with pq.Session(tmp_path_factory.mktemp("session")) as session:
        session.add_pilot("local://?cores=2")
        yield session


def question(*observables):
    circuit = QuantumCircuit(6)
    for qubit in range(6):
        circuit.ry(0.3 + qubit, qubit)
    for qubit in range(5):
        circuit.cx(qubit, qubit + 1)
    return Question(circuit, tuple(map(observable_of, observables)), (len(observables),))


@pytest.mark.parametrize("candidate", [*EXACT, cut(Cuts(gates=(8,)))], ids=lambda each: f"{each.name} {each.threads}")
def test_every_way_runs_on_workers(session, candidate):
    operators = [
        SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1), ("X", [3], 0.5)], 6),
        SparsePauliOp.from_sparse_list([("Z", [5], 1)], 6),
    ]
    plan = plan_of(question(*operators), candidate)
    state = Statevector(plan.question.circuit)
    wanted = [state.expectation_value(each).real for each in operators]
    assert session.run(plan).result(WAIT) == pytest.approx(wanted, abs=1e-9)


def test_a_plan_keeps_the_circuit_that_it_was_made_for(session):
    circuit = QuantumCircuit(8)
    for qubit in range(8):
        circuit.ry(0.3 + 0.1 * qubit, qubit)
    for qubit in range(7):
        circuit.cz(qubit, qubit + 1)
    for qubit in range(8):
        circuit.rx(0.2, qubit)
    exact = Statevector(circuit).expectation_value(SparsePauliOp.from_sparse_list([("Z", [5], 1)], 8)).real
    plan = pq.dreamer.plan(circuit, "Z5", session.resources(), thorough=True)
    circuit.x(5)
    circuit.data.pop(0)

    found = {each.name: session.run(plan.using(each.name)).result(WAIT) for each in plan.candidates if not each.refused}

    assert {"lightning", "cone+lightning"} <= found.keys()
    assert list(found.values()) == pytest.approx([exact] * len(found), abs=1e-9)


def test_options_of_the_scheduler_reach_the_tasks(session):
    plan = plan_of(question("Z0"), way("lightning"))
    job = session.with_options(needs=pq.Needs(cores=2), name="careful").run(plan)
    assert job.result(WAIT) == pytest.approx(session.run(plan).result(WAIT), abs=1e-12)
    failed = session.with_options(needs=pq.Needs(gpus=1)).run(plan)
    with pytest.raises(UnsatisfiableError, match="GPU"):
        failed.result(WAIT)


def test_more_threads_than_a_node_has_cores_are_refused_by_the_scheduler(session):
    job = session.run(plan_of(question("Z0"), way("aer-statevector", threads=3)))
    with pytest.raises(UnsatisfiableError, match="3 cores"):
        job.result(WAIT)


def test_a_plans_job_is_explained_and_cancelled_as_a_task_is(tmp_path):
    plan = plan_of(question("Z0"), way("lightning"))
    with pq.Session(tmp_path) as session, pq.Session(tmp_path / "other") as other:
        job = session.run(plan)
        assert job.tasks
        waits = session.explain(job)
        assert waits.startswith(f"0 of the job's {len(job.tasks)} tasks have ended. Of the first that has not: ")
        assert "no pilot yet" in waits
        with pytest.raises(ValueError, match="another session"):
            other.cancel(job)
        session.cancel(job)
        with pytest.raises(CancelledError):
            job.result(WAIT)
        assert session.explain(job) == f"{len(job.tasks)} of the job's {len(job.tasks)} tasks have ended."


def test_a_plan_comes_too_late_for_a_closed_session(tmp_path):
    with pq.Session(tmp_path) as session:
        plan = plan_of(question("Z0"), way("lightning"))
    with pytest.raises(SessionClosedError):
        session.run(plan)
    with pytest.raises(SessionClosedError):
        session.estimator(strategy="auto").run([(plan.question.circuit, "ZZZZZZ")])


@pytest.mark.parametrize("strategy", ["auto", "aer", "mps", "cut"])
def test_the_estimator_runs_on_workers_as_planned(session, strategy):
    circuit = efficient_su2(4, reps=1)
    values = np.random.default_rng(2).uniform(-3, 3, (5, circuit.num_parameters))
    pubs = [(circuit, ["ZZII", "IXXI"], values[:, None]), (circuit.assign_parameters(values[0]), "ZZII")]
    found = session.estimator(strategy=strategy).run(pubs).result(WAIT)
    for one, other in zip(found, session.estimator().run(pubs).result(WAIT), strict=True):
        assert one.data.evs == pytest.approx(other.data.evs, abs=1e-9)
        assert one.metadata["planning_seconds"] > 0


@pytest.mark.parametrize("angle", [np.nan, np.inf])
@pytest.mark.parametrize("strategy", [None, "auto", "lightning", "aer", "mps", "cut"])
def test_an_angle_that_is_no_number_is_never_a_value(session, strategy, angle):
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    estimator = session.estimator(strategy=strategy) if strategy else session.estimator()
    with pytest.raises(CircuitError, match=f"'ry', has the angle {angle}"):
        estimator.run([(circuit, "ZZ")]).result(WAIT)


@pytest.mark.parametrize("angle", [np.nan, np.inf])
def test_nor_is_it_sampled_or_planned_for(session, angle):
    plain, dynamic, wide = QuantumCircuit(1), QuantumCircuit(1, 1), QuantumCircuit(40)
    plain.ry(angle, 0)
    plain.measure_all()
    dynamic.measure(0, 0)
    with dynamic.if_test((dynamic.clbits[0], 0)):
        dynamic.ry(angle, 0)
    for qubit in range(39):
        wide.cx(qubit, qubit + 1)
    wide.rx(angle, 3)
    for circuit in (plain, dynamic):
        with pytest.raises(CircuitError, match=f"'ry', has the angle {angle}"):
            session.sampler().run([circuit], shots=3).result(WAIT)
    with pytest.raises(CircuitError, match=f"instruction 39, 'rx', has the angle {angle}"):
        pq.dreamer.plan(wide, "Z" * 40, session.resources())


def test_a_job_of_a_planned_estimator_is_cancelled_as_every_other(session):
    circuit = efficient_su2(16, reps=3)
    job = session.estimator(strategy="aer").run(
        [(circuit, "Z" * 16, np.full((400, circuit.num_parameters), np.arange(400.0)[:, None]))]
    )
    assert job.cancel()
    assert job.cancelled()
    with pytest.raises(CancelledError):
        job.result(WAIT)
    assert session.estimator().run([(QuantumCircuit(1), "Z")]).result(WAIT)[0].data.evs == 1


def test_the_session_learns_from_what_plans_take(tmp_path):
    with pq.Session(tmp_path) as session:
        session.add_pilot("local://?cores=1")
        circuit = efficient_su2(10, reps=6)
        bound = circuit.assign_parameters(np.linspace(-2, 2, circuit.num_parameters))
        first = pq.dreamer.plan(bound, "Z9", session.resources())
        assert first.best.surprise == 1
        for _ in range(3):
            session.run(first).result(WAIT)
        (learned,) = session.resources()[0].surprises
        assert (learned.method, learned.pilots, learned.runs) == (first.best.method, ("local-1",), 3)
        again = pq.dreamer.plan(bound, "Z9", session.resources())
        same = again.using(first.best.name).best
        rates = same.prediction.seconds / same.surprise
        assert same.surprise != 1
        assert rates == pytest.approx(first.best.prediction.seconds)
        assert abs(np.log(same.surprise)) <= abs(learned.log_ratio)
        assert "times what rates say" in again.using(same.name).explain()

        estimator = session.estimator(strategy=first.best.name)
        estimator.run([(bound, "Z" + 9 * "I")] * 2).result(WAIT)  # at once: they share the worker
        assert session.resources()[0].surprises == (learned,)
        estimator.run([(bound, "Z" + 9 * "I")]).result(WAIT)
        assert session.resources()[0].surprises[0].runs == 4
