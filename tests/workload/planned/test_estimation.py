"""The estimator with a strategy, against the one without and against qiskit.quantum_info."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from tests.workload.cutting.random_circuits import random_sum
from tests.workload.inline import Inline
from tests.workload.planned.ways import EXACT, cut, plan_of, way

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.dreamer.planning.candidate import Pruning
from pilot_quantum.errors import CircuitError, CircuitTooLargeError, InvalidDescriptionError, UnsatisfiableError
from pilot_quantum.interfaces.qiskit import Estimator
from pilot_quantum.workload.planned import plans

pytestmark = pytest.mark.requires("aer", "lightning")


class Fixed:
    """A planner that always proposes `candidates`, one after the other, the last from then on. asked: the questions."""

    def __init__(self, *candidates):
        self.candidates = list(candidates)
        self.asked = []

    def __call__(self, question, resources, strategy):
        self.asked.append(question)
        candidate = self.candidates.pop(0) if len(self.candidates) > 1 else self.candidates[0]
        return plan_of(question, candidate)


def estimator(planner=None, inline=None, **options):
    inline = inline or Inline()
    options = {"strategy": "auto", **options}
    return Estimator(inline, inline.resources, planner=planner, **options)


def plain(pubs, **options):
    return estimator(strategy=None, **options).run(pubs).result()


def named(candidate):
    return f"{candidate.name} {candidate.threads}"


def operators(qubits):
    return [random_sum(1, qubits, 3), SparsePauliOp.from_sparse_list([("Z", [qubits - 1], 2.0), ("", [], 0.5)], qubits)]


def test_the_pieces_that_a_planner_has_made_are_not_made_again(monkeypatch):
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.3 + qubit, qubit)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
    cuts, made = Cuts(gates=(5,)), []

    def counted(*arguments):
        made.append(arguments)
        return cut_circuit(*arguments)

    class Pricing(Fixed):
        def __call__(self, question, resources, strategy):
            question.pieces(cuts)
            return super().__call__(question, resources, strategy)

    monkeypatch.setattr("pilot_quantum.dreamer.planning.question.cut_circuit", counted)
    (found,) = estimator(Pricing(cut(cuts))).run([(circuit, "ZZZZ")]).result()
    assert len(made) == 1
    assert found.data.evs == pytest.approx(plain([(circuit, "ZZZZ")])[0].data.evs)


@pytest.mark.parametrize("strategy", ["auto", "lightning", "aer", "mps"])
def test_circuits_of_all_kinds_have_their_values(circuit, exact, strategy):
    asked = operators(circuit.num_qubits)
    (found,) = estimator(strategy=strategy).run([(circuit, asked)]).result()
    wanted = [exact(circuit).expectation_value(each).real for each in asked]
    assert found.data.evs == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("candidate", EXACT, ids=named)
def test_parameters_of_all_kinds_are_bound(ansatz, candidate):
    values = np.random.default_rng(4).uniform(-3, 3, (3, 1, ansatz.num_parameters))
    pub = (ansatz, operators(ansatz.num_qubits), values)
    (found,) = estimator(Fixed(candidate)).run([pub]).result()
    assert found.data.evs.shape == (3, 2)
    assert found.data.evs == pytest.approx(plain([pub])[0].data.evs, abs=1e-9)


def random_ansatz(seed, qubits, depth):
    """Rotations with parameters, some shared, some without effect on what is asked."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(qubits)
    angles = ParameterVector("θ", 5)
    for _ in range(depth):
        for qubit in range(qubits):
            getattr(circuit, rng.choice(["rx", "ry", "rz"]))(angles[rng.integers(5)] * rng.normal(), qubit)
        for _ in range(qubits // 2):
            a, b = rng.choice(qubits, 2, replace=False).tolist()
            getattr(circuit, rng.choice(["crx", "cry", "rzz", "cp"]))(angles[rng.integers(5)], a, b)
    return circuit


SHAPES = [((), ()), ((3,), ()), ((), (3,)), ((3, 1), (2,)), ((4,), (4,)), ((2, 3), (3,)), ((1, 3), (2, 1)), ((0,), ())]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    qubits=st.integers(2, 6),
    depth=st.integers(1, 3),
    shapes=st.sampled_from(SHAPES),
    candidate=st.sampled_from(EXACT),
)
def test_bindings_and_observables_are_broadcast(seed, qubits, depth, shapes, candidate):
    rng = np.random.default_rng(seed)
    circuit = random_ansatz(seed, qubits, depth)
    values = rng.uniform(-3, 3, (*shapes[0], circuit.num_parameters))
    if values.size and rng.random() < 0.5:
        values.reshape(-1, circuit.num_parameters)[-1] = values.reshape(-1, circuit.num_parameters)[0]
    observables = np.empty(shapes[1], dtype=object)
    for place in np.ndindex(shapes[1]):
        observables[place] = random_sum(int(rng.integers(100)), qubits, 2)
    pub = (circuit, observables.tolist() if shapes[1] else observables[()], values)
    (found,) = estimator(Fixed(candidate)).run([pub]).result()
    (wanted,) = plain([pub])
    assert found.data.evs.shape == wanted.data.evs.shape
    assert found.data.evs == pytest.approx(wanted.data.evs, abs=1e-9)


def two_halves():
    """Two pairs of qubits, joined by one controlled phase with a parameter."""
    a, b, joint = ParameterVector("a", 2), ParameterVector("b", 2), ParameterVector("j", 1)
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.rx(a[0], 0)
    circuit.cx(0, 1)
    circuit.ry(a[1], 1)
    circuit.rx(b[0], 2)
    circuit.cx(2, 3)
    circuit.ry(b[1], 3)
    circuit.cp(joint[0], 1, 2)
    circuit.rx(0.3, range(4))
    return circuit


JOINT = 10
"""The instruction that joins the halves."""


@pytest.mark.parametrize("simulator", ["lightning", "aer-statevector"])
def test_each_binding_is_cut_by_itself(simulator):
    circuit = two_halves()
    assert circuit.data[JOINT].name == "cp"
    values = np.random.default_rng(1).uniform(0.1, 1, (5, 5))
    planner = Fixed(cut(Cuts(gates=(JOINT,)), simulator))
    (found,) = estimator(planner).run([(circuit, "ZZZZ", values)]).result()
    assert found.data.evs == pytest.approx(plain([(circuit, "ZZZZ", values)])[0].data.evs, abs=1e-9)
    assert len(planner.asked) == 1
    assert found.metadata["simulator_metadata"]["units"] == 10


def test_a_binding_with_which_cuts_cost_more_is_planned_anew():
    circuit = two_halves()
    values = np.full((4, 5), 0.3)
    values[:, -1] = [0, 0, 0.5, 0]  # without its phase, the gate that is cut joins nothing
    planner = Fixed(cut(Cuts(gates=(JOINT,))), way("lightning"))
    inline = Inline()
    one = estimator(planner, inline)
    (found,) = one.run([(circuit, ["ZZZZ"], values)]).result()
    assert found.data.evs == pytest.approx(plain([(circuit, "ZZZZ", values)])[0].data.evs, abs=1e-9)
    assert found.metadata["strategy"] == "cut, whole lightning"
    assert found.metadata["simulator_metadata"]["method"] == "cut, lightning"
    assert [question.circuit.num_parameters for question in planner.asked] == [0, 0]
    assert one.run([(circuit, "ZZZZ", values)]).result()[0].metadata["strategy"] == "whole lightning"
    assert len(planner.asked) == 2


def test_a_cut_that_is_cheaper_than_planned_serves():
    circuit = two_halves()
    planner = Fixed(cut(Cuts(gates=(JOINT,))))
    one = estimator(planner)
    for joint in (0.5, 0.0):
        values = np.array([0.3, 0.3, 0.3, 0.3, joint])
        (found,) = one.run([(circuit.assign_parameters(values), "ZZZZ")]).result()
        assert found.data.evs == pytest.approx(plain([(circuit, "ZZZZ", values)])[0].data.evs, abs=1e-9)
    assert len(planner.asked) == 1


def test_plans_are_made_once_for_a_structure_whatever_its_angles_and_barriers():
    planner = Fixed(way("lightning"))
    inline = Inline()
    one = estimator(planner, inline)
    for angle in (0.1, 0.2, 0.3):
        circuit = QuantumCircuit(3)
        if angle == 0.3:
            circuit.barrier()
        circuit.ry(angle, 0)
        circuit.cx(0, 1)
        circuit.ry(0.7, 2)
        (found,) = one.run([(circuit, "IZI")]).result()
        assert found.data.evs == pytest.approx(np.cos(angle))
    assert len(planner.asked) == 1
    one.run([(circuit, "ZII")])
    assert len(planner.asked) == 2
    circuit.x(0)
    one.run([(circuit, "ZII")])
    assert len(planner.asked) == 3
    one.options.strategy = "cone+lightning"
    one.run([(circuit, "ZII")])
    assert len(planner.asked) == 4
    inline.memory += 1  # another pilot, or the same with less
    one.run([(circuit, "ZII")])
    assert len(planner.asked) == 5


def test_few_plans_are_remembered(monkeypatch):
    monkeypatch.setattr(plans, "MOST", 2)
    planner = Fixed(way("lightning"))
    one = estimator(planner)
    asked = [(QuantumCircuit(3), observable) for observable in ("ZII", "IZI", "IIZ", "ZII")]
    for pub in asked:
        one.run([pub])
    assert len(planner.asked) == 4
    one.run([asked[-1]])
    assert len(planner.asked) == 4
    assert len(one._planned._plans) == 2


def test_bindings_that_differ_in_what_was_pruned_alone_are_run_once():
    theta = ParameterVector("θ", 3)
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(theta[qubit], qubit)
    values = np.arange(60.0).reshape(20, 3)
    values[:, 1] = np.arange(20) % 2
    inline = Inline()
    (found,) = estimator(Fixed(way("lightning")), inline).run([(circuit, "IZI", values)]).result()
    assert found.data.evs == pytest.approx(np.cos(values[:, 1]))
    assert [len(args[0].values) for _, _, args in inline.seen] == [2]


def test_terms_that_nobody_wants_with_a_binding_are_not_read():
    theta = ParameterVector("θ", 3)
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(theta[qubit], qubit)
    values = np.arange(9.0).reshape(3, 3)
    inline = Inline()
    one = estimator(Fixed(way("lightning", Pruning.APART)), inline)
    (found,) = one.run([(circuit, ["IIZ", "IZI", "ZII"], values)]).result()
    assert found.data.evs == pytest.approx(np.cos(np.diag(values)))
    assert [args[0].values.shape for _, _, args in inline.seen] == [(1, 1)] * 3


@pytest.mark.parametrize("precision", [0.0, 0.1])
def test_shape_errors_and_metadata_are_those_of_every_estimator(precision):
    circuit = two_halves()
    circuit.metadata = {"mine": 1}
    pub = (circuit, [["ZZZZ"], ["XIIX"]], np.random.default_rng(1).uniform(0.1, 1, (3, 5)), precision)
    (found,), (wanted,) = estimator(seed=7).run([pub]).result(), plain([pub], seed=7)
    assert found.data.evs == pytest.approx(wanted.data.evs, abs=1e-9)
    assert np.array_equal(found.data.stds, wanted.data.stds)
    assert found.data.shape == wanted.data.shape == (2, 3)
    assert found.metadata.keys() == wanted.metadata.keys() | {"strategy", "planning_seconds"}
    assert found.metadata["circuit_metadata"] == {"mine": 1}
    assert found.metadata["target_precision"] == precision
    assert found.metadata["planning_seconds"] > 0


def test_the_noise_of_a_seed_is_the_same_whatever_the_plan():
    circuit = two_halves()
    pub = (circuit, "ZZZZ", np.random.default_rng(1).uniform(0.1, 1, (3, 5)), 0.1)
    ways = [way("aer-mps"), way("lightning", Pruning.APART), cut(Cuts(gates=(JOINT,)))]
    found = [estimator(Fixed(each), seed=3).run([pub]).result()[0].data.evs for each in ways]
    assert found[1] == pytest.approx(found[0], abs=1e-9)
    assert found[2] == pytest.approx(found[0], abs=1e-9)


def test_several_pubs_have_a_plan_each_and_one_job():
    circuit = two_halves()
    values = np.random.default_rng(1).uniform(0.1, 1, (3, 5))
    pubs = [(circuit, "ZZZZ", values), (QuantumCircuit(2), ["ZI", "XI"]), (circuit, "IIIX", values[0])]
    found = estimator(Fixed(way("lightning"), way("aer-mps"), way("aer-statevector"))).run(pubs).result()
    for one, other in zip(found, plain(pubs), strict=True):
        assert one.data.evs == pytest.approx(other.data.evs, abs=1e-9)
    assert [one.metadata["strategy"] for one in found] == ["whole lightning", "whole aer-mps", "whole aer-statevector"]


def test_strategies_name_kinds_and_candidates():
    circuit = two_halves().assign_parameters([0.3] * 5)
    for strategy, method in [
        ("lightning", "lightning"),
        ("aer", "statevector"),
        ("mps", "matrix_product_state"),
        ("cone+lightning", "lightning"),
        ("cut", "cut"),
    ]:
        (found,) = estimator(strategy=strategy).run([(circuit, "IIIX")]).result()
        assert strategy in found.metadata["strategy"]
        assert found.metadata["simulator_metadata"]["method"] == method
        assert found.data.evs == pytest.approx(plain([(circuit, "IIIX")])[0].data.evs, abs=1e-9)


@pytest.mark.parametrize(
    ("strategy", "nearest"), [("lightnin", "lightning"), ("atuo", "auto"), ("cone+lightening", "cone")]
)
def test_a_strategy_that_there_is_not_is_refused_with_the_nearest(strategy, nearest):
    with pytest.raises(InvalidDescriptionError, match=f"strategy '.*did you mean '{nearest}"):
        estimator(strategy=strategy)
    one = estimator()
    one.options.strategy = strategy
    with pytest.raises(InvalidDescriptionError, match=f"did you mean '{nearest}"):
        one.run([(QuantumCircuit(1), "Z")])


def test_without_a_strategy_nothing_is_planned():
    def never(*_):
        raise AssertionError("planned")

    (found,) = estimator(never, strategy=None).run([(QuantumCircuit(1), "Z")]).result()
    assert found.data.evs == 1
    assert "strategy" not in found.metadata


def dynamic():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    return circuit


def reset():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.reset(0)
    return circuit


@pytest.mark.parametrize("build", [dynamic, reset])
def test_circuits_that_end_in_no_state_are_refused_as_without_a_strategy(build):
    circuit = build()
    with pytest.raises(CircuitError) as caught:
        estimator().run([(circuit, "Z" * circuit.num_qubits)])
    with pytest.raises(CircuitError) as wanted:
        plain([(circuit, "Z" * circuit.num_qubits)])
    assert str(caught.value) == str(wanted.value)


def test_what_is_too_large_in_one_pub_keeps_all_from_being_handed_over():
    large = QuantumCircuit(40)
    for a in range(40):
        large.ry(0.3, a)
        for b in range(a):
            large.crx(0.3, a, b)
    inline = Inline()
    with pytest.raises(CircuitTooLargeError, match="40 qubits"):
        estimator(Fixed(way("lightning")), inline).run([(QuantumCircuit(1), "Z"), (large, "Z" * 40)])
    assert inline.seen == []


def test_what_is_too_large_as_it_is_runs_pruned():
    circuit = QuantumCircuit(50)
    for qubit in range(50):
        circuit.ry(0.1 * qubit, qubit)
    for qubit in range(0, 48, 2):
        circuit.cry(0.3, qubit, qubit + 2)
    with pytest.raises(CircuitTooLargeError):
        plain([(circuit, "I" * 49 + "Z")])
    observable = SparsePauliOp.from_sparse_list([("Z", [1], 1.0), ("ZZ", [3, 49], 2.0)], 50)
    (found,) = estimator().run([(circuit, observable)]).result()
    assert found.data.evs == pytest.approx(np.cos(0.1) + 2 * np.cos(0.3) * np.cos(4.9))


def test_a_plan_for_a_quantum_processor_is_refused():
    with pytest.raises(UnsatisfiableError, match="'falcon'"):
        estimator(Fixed(way("qpu", qpu="falcon"))).run([(QuantumCircuit(1), "Z")])


def test_a_plan_that_holds_for_its_angles_alone_is_made_anew_for_others():
    theta = ParameterVector("t", 2)
    circuit = QuantumCircuit(3)
    circuit.ry(theta[0], 0)
    circuit.cx(0, 1)
    circuit.ry(theta[1], 1)
    planner = Fixed(msgspec.structs.replace(way("aer-mps"), of_angles=True))
    values = np.array([[0.1, 0.2], [0.3, 0.4], [0.1, 0.2]])
    calls = estimator(planner)

    for asked in (2, 4):
        (found,) = calls.run([(circuit, ["ZZI", "IIX"], values[:, None])]).result()
        assert len(planner.asked) == asked

    (plainly,) = plain([(circuit, ["ZZI", "IIX"], values[:, None])])
    assert found.data.evs == pytest.approx(plainly.data.evs, abs=1e-9)


def test_of_many_bindings_a_probe_decides_for_the_first_few_alone():
    theta = ParameterVector("t", 1)
    circuit = QuantumCircuit(2)
    circuit.ry(theta[0], 0)
    circuit.cx(0, 1)
    probed = msgspec.structs.replace(way("aer-mps"), of_angles=True)
    asked = []

    def planner(question, resources, strategy):
        asked.append(question)
        return plan_of(question, probed, way("lightning"))

    values = np.linspace(0.1, 1.0, 10)[:, None]
    (found,) = estimator(planner).run([(circuit, "ZZ", values)]).result()

    (plainly,) = plain([(circuit, "ZZ", values)])
    assert len(asked) == plans.MOST_PROBED
    assert found.data.evs == pytest.approx(plainly.data.evs, abs=1e-9)


def test_finite_differences_about_nothing_are_not_lost_in_a_matrix_product_state():
    theta = ParameterVector("t", 1)
    circuit = QuantumCircuit(2)
    circuit.rxx(theta[0], 0, 1)
    step = 1.49e-8
    calls = estimator(strategy="auto")

    values = calls.run([(circuit, "XY", [[0.7], [0.0], [step]])]).result()[0].data.evs

    assert (values[2] - values[1]) / step == pytest.approx(-1.0, rel=1e-6)
