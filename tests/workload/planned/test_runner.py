"""Plans carried out in this process, against the state vector of qiskit.quantum_info."""

from __future__ import annotations

from concurrent.futures import CancelledError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector, random_clifford
from tests.workload.cutting.random_circuits import random_cut_circuit, random_sum
from tests.workload.inline import Held, Inline
from tests.workload.planned.ways import EXACT, cut, plan_of, way

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.terms import observable_of
from pilot_quantum.dreamer.planning.candidate import Pruning
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError, CircuitTooLargeError, InvalidDescriptionError, UnsatisfiableError
from pilot_quantum.workload.batch import BatchState
from pilot_quantum.workload.planned.runner import PlanRunner

pytestmark = pytest.mark.requires("aer", "lightning")


def question_of(circuit, *operators, shape=None):
    observables = tuple(observable_of(operator) for operator in operators)
    return Question(circuit, observables, (len(observables),) if shape is None else shape)


def run(plan, submitter=None):
    submitter = submitter or Inline()
    return PlanRunner(submitter, submitter.resources).run(plan)


def exact(circuit, operators):
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    return [state.expectation_value(operator).real for operator in operators]


def operators_of(seed, qubits):
    """Sums of few letters, so that something can be pruned, with an identity, and one on all qubits."""
    rng = np.random.default_rng(seed)
    local = SparsePauliOp.from_sparse_list(
        [("", [], rng.normal()), ("ZX", rng.choice(qubits, 2, replace=False).tolist(), rng.normal())], qubits
    )
    single = SparsePauliOp.from_sparse_list([("XYZ"[rng.integers(3)], [int(rng.integers(qubits))], 1.0)], qubits)
    return [local, single, random_sum(seed, qubits, 3)]


@pytest.mark.parametrize("plan", ["x", None, QuantumCircuit(1)])
def test_what_is_no_plan_is_refused(plan):
    with pytest.raises(InvalidDescriptionError, match=r"not a plan\. Make one: plan = pq\.dreamer\.plan"):
        run(plan)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), qubits=st.integers(2, 7), depth=st.integers(1, 3), measured=st.booleans())
def test_every_way_gives_the_values_of_the_state_vector(seed, qubits, depth, measured):
    circuit, _ = random_cut_circuit(seed, qubits, 2, depth=depth)
    if measured:
        circuit.measure_all()
    operators = operators_of(seed, qubits)
    wanted = exact(circuit, operators)
    for candidate in EXACT:
        found = run(plan_of(question_of(circuit, *operators), candidate)).result()
        assert found == pytest.approx(wanted, abs=1e-9), candidate


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), qubits=st.integers(1, 8), pruning=st.sampled_from(Pruning), measured=st.booleans()
)
def test_clifford_circuits_by_stabilisers(seed, qubits, pruning, measured):
    circuit = random_clifford(qubits, seed=seed).to_circuit()
    if measured:
        circuit.measure_all()
    operators = [random_sum(seed + i, qubits, 3) for i in range(2)]
    found = run(plan_of(question_of(circuit, *operators), way("aer-stabilizer", pruning))).result()
    assert found == pytest.approx(exact(circuit, operators), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    qubits=st.integers(4, 8),
    simulator=st.sampled_from(["lightning", "aer-statevector"]),
)
def test_pruned_and_cut(seed, qubits, simulator):
    circuit, _ = random_cut_circuit(seed, qubits, 2, gates=1, wires=1, depth=2)
    operators = operators_of(seed, qubits)
    question = question_of(circuit, *operators)
    found = find_cuts(question.divisible, max(2, question.divisible.num_qubits - 1))
    for each in found.candidates[:2]:
        values = run(plan_of(question, cut(each.cuts, simulator))).result()
        assert values == pytest.approx(exact(circuit, operators), abs=1e-9)


@pytest.fixture
def bell():
    circuit = QuantumCircuit(4)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(0.4, 3)
    return circuit


@pytest.mark.parametrize("candidate", EXACT, ids=lambda each: f"{each.name} {each.threads}")
def test_a_single_observable_gives_a_number_and_an_array_its_shape(bell, candidate):
    value = run(plan_of(question_of(bell, "Z0 Z1", shape=()), candidate)).result()
    assert type(value) is float
    assert value == pytest.approx(1)
    values = run(plan_of(question_of(bell, "Z0 Z1", "X3", "I0", "Z2 + 0.5*Z2", shape=(2, 2)), candidate)).result()
    assert values == pytest.approx(np.array([[1, np.sin(0.4)], [1, 1.5]]))


@pytest.mark.parametrize("candidate", EXACT, ids=lambda each: f"{each.name} {each.threads}")
def test_identities_are_worth_their_coefficients_and_run_nothing(bell, candidate):
    inline = Inline()
    assert run(plan_of(question_of(bell, "0.25*IIII - 2*IIII", shape=()), candidate), inline).result() == -1.75
    assert inline.seen == []


@pytest.mark.parametrize("candidate", EXACT, ids=lambda each: f"{each.name} {each.threads}")
def test_a_circuit_without_gates_has_its_values(candidate):
    plan = plan_of(question_of(QuantumCircuit(3), "ZZI", "X0", "Z2 + X1"), candidate)
    assert run(plan).result().tolist() == [1, 0, 1]


def test_terms_apart_are_a_task_each(bell):
    inline = Inline()
    run(plan_of(question_of(bell, "Z0 Z1 + X3 + 0.5*I0"), way("lightning", Pruning.APART)), inline).result()
    assert sorted(args[1].x.shape for _, _, args in inline.seen) == [(1, 1), (1, 2)]


def test_tasks_ask_for_the_cores_the_memory_and_the_simulator_that_they_take(bell):
    inline = Inline().with_options(priority=3)
    question = question_of(bell, "Z0 Z1")
    run(plan_of(question, way("aer-statevector", Pruning.NONE, threads=2)), inline)
    run(plan_of(question, way("lightning")), inline)
    run(plan_of(question, way("aer-mps", prediction=Prediction(1, 1, 1, 2**31))), inline)
    wide, narrow, mps = inline.needs
    assert (wide.cores, wide.memory, wide.capabilities) == (2, 2**27 + 40 * 2**4, {"simulator"})
    assert (narrow.cores, narrow.memory, narrow.capabilities) == (1, 2**27 + 40 * 2**2, {"simulator", "lightning"})
    assert (mps.memory, mps.capabilities) == (2**31, {"simulator"})
    assert {(options.priority, options.name) for options, _, _ in inline.seen} == {(3, "plan")}


def test_fragments_run_on_the_simulator_and_the_cores_of_the_plan():
    circuit, _ = random_cut_circuit(3, 6)
    inline = Inline()
    question = question_of(circuit, random_sum(1, 6))
    run(plan_of(question, cut(find_cuts(question.divisible, 3).best.cuts, "lightning", threads=2)), inline).result()
    assert {(needs.cores, needs.capabilities) for needs in inline.needs} == {(2, frozenset({"simulator", "lightning"}))}


def test_a_cut_circuit_is_cut_once(monkeypatch):
    circuit, _ = random_cut_circuit(3, 6)
    question = question_of(circuit, random_sum(1, 6))
    cuts = find_cuts(question.divisible, 3).best.cuts
    planned = question.pieces(cuts)
    assert question.pieces(cuts) is planned
    monkeypatch.setattr("pilot_quantum.workload.planned.division.cut_circuit", lambda *_: pytest.fail("cut again"))
    assert run(plan_of(question, cut(cuts))).result() == pytest.approx(exact(circuit, [random_sum(1, 6)]), abs=1e-9)


def test_gates_after_which_mps_has_to_be_rewritten():
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.crx(0.3, 0, 1)
    circuit.cry(0.4, 2, 0)
    circuit.crz(0.5, 1, 2)
    circuit.cu(0.1, 0.2, 0.3, 0.4, 0, 2)
    circuit.mcp(0.7, [0, 1], 2)
    circuit.ccz(0, 1, 2)
    operators = [SparsePauliOp("XYZ"), SparsePauliOp("ZIX")]
    values = run(plan_of(question_of(circuit, *operators), way("aer-mps"))).result()
    assert values == pytest.approx(exact(circuit, operators), abs=1e-9)


def test_wide_circuits_of_little_entanglement_are_a_matrix_product_state():
    circuit = QuantumCircuit(40)
    for qubit in range(39):
        circuit.ry(0.3, qubit)
        circuit.cx(qubit, qubit + 1)
    inline = Inline()
    plan = plan_of(question_of(circuit, "Z0", "Z5 Z6", shape=(2,)), way("aer-mps", Pruning.NONE))
    values = run(plan, inline).result()
    narrow = QuantumCircuit(9)
    for qubit in range(8):
        narrow.ry(0.3, qubit)
        narrow.cx(qubit, qubit + 1)
    wanted = [
        SparsePauliOp.from_sparse_list([("Z", [0], 1)], 9),
        SparsePauliOp.from_sparse_list([("ZZ", [5, 6], 1)], 9),
    ]
    assert values == pytest.approx(exact(narrow, wanted), abs=1e-9)


def test_strings_and_gates_across_a_wide_matrix_product_state():
    rng = np.random.default_rng(2)
    circuit = QuantumCircuit(40)
    for layer in range(3):
        for qubit in range(40):
            circuit.ry(rng.uniform(-3, 3), qubit)
            circuit.rz(rng.uniform(-3, 3), qubit)
        for qubit in range(layer % 2, 39, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.crx(0.7, 4, 35)
    far = ["X4 Z35", "X3 Y33", "Z20"]
    question = question_of(circuit, *far)
    wanted = run(plan_of(question, way("lightning", Pruning.APART))).result()
    assert np.abs(wanted).min() > 1e-3
    assert run(plan_of(question, way("aer-mps", Pruning.NONE))).result() == pytest.approx(wanted, abs=1e-9)


def test_parameters_without_values_are_refused_by_name(bell):
    bell.rx(Parameter("tilt"), 0)
    with pytest.raises(CircuitError, match=r"\(tilt\): bind them"):
        run(plan_of(question_of(bell, "Z0"), way("lightning")))


def test_a_plan_for_a_quantum_processor_names_it_and_what_to_do_instead(bell):
    qpu = way("qpu", qpu="falcon")
    question = question_of(bell, "Z0")
    refused = way("aer-statevector", refused="too large")
    with pytest.raises(UnsatisfiableError, match=r"'falcon'.*plan.using\('whole lightning'\)"):
        run(plan_of(question, qpu, way("lightning"), refused))
    with pytest.raises(UnsatisfiableError, match=r"'falcon'.*plan again"):
        run(plan_of(question, qpu, refused))


@pytest.mark.parametrize("candidate", [way("lightning"), way("aer-statevector", refused="too large"), way("aer-mps")])
def test_what_no_pilot_has_the_memory_for_is_refused_before_anything_runs(candidate):
    circuit = QuantumCircuit(40)
    for a in range(40):
        circuit.ry(0.3, a)
        for b in range(a):
            circuit.crx(0.3, a, b)
    inline = Inline()
    with pytest.raises(CircuitTooLargeError, match=f"{candidate.name}.*40 qubits.*'local-1', has 16 GiB"):
        run(plan_of(question_of(circuit, "Z" * 40), candidate), inline)
    assert inline.seen == []


def test_fragments_that_are_too_large_are_refused_before_anything_runs():
    circuit, _ = random_cut_circuit(3, 6)
    inline = Inline(memory=2**27)
    question = question_of(circuit, random_sum(1, 6))
    with pytest.raises(CircuitTooLargeError, match="fragment 0"):
        run(plan_of(question, cut(find_cuts(question.divisible, 3).best.cuts)), inline)
    assert inline.seen == []


def test_a_method_that_there_is_not_is_named_with_the_nearest(bell):
    with pytest.raises(InvalidDescriptionError, match="did you mean 'lightning'"):
        run(plan_of(question_of(bell, "Z0"), way("lightnin")))


def test_a_job_tells_how_far_it_is_and_ends_when_told(bell):
    held = Held()
    plan = plan_of(question_of(bell, "Z0 Z1 + X3"), way("lightning", Pruning.APART))
    job = run(plan, held)
    assert (job.plan, job.state) == (plan, BatchState.QUEUED)
    with pytest.raises(TimeoutError):
        job.result(timeout=0)
    held.futures[0].set_running_or_notify_cancel()
    assert job.state is BatchState.RUNNING
    assert job.cancel()
    assert not job.cancel()
    assert job.state is BatchState.CANCELLED
    with pytest.raises(CancelledError):
        job.result()


def test_outcomes_count_by_their_part_whatever_their_order(bell):
    held = Held()
    job = run(plan_of(question_of(bell, "Z0 Z1 + X3"), way("lightning", Pruning.APART)), held)
    tasks = list(zip(held.futures, held.seen, strict=True))
    for future, (_, function, arguments) in reversed(tasks):
        future.set_result(function(*arguments))
    assert job.result() == pytest.approx([1 + np.sin(0.4)])
    assert job.state is BatchState.DONE


def test_the_error_of_a_part_is_the_plan_s(bell):
    held = Held()
    job = run(plan_of(question_of(bell, "Z0 Z1 + X3"), way("lightning", Pruning.APART)), held)
    held.futures[1].set_exception(ZeroDivisionError("oops"))
    with pytest.raises(ZeroDivisionError) as caught:
        job.result()
    assert "circuit 1 of the plan" in caught.value.__notes__[0]


def test_measurements_at_the_end_are_ignored_also_where_they_share_a_bit(bell):
    bell.add_register(ClassicalRegister(1))
    bell.measure([0, 3], [0, 0])
    for candidate in EXACT:
        values = run(plan_of(question_of(bell, "X0 X1", "X3"), candidate)).result()
        assert values == pytest.approx([1, np.sin(0.4)]), candidate
