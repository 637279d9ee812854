from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BaseEstimatorV2, StatevectorEstimator
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import Pauli, PauliList, SparseObservable, SparsePauliOp, Statevector
from qiskit_aer.primitives import EstimatorV2

ANSATZ = efficient_su2(2, reps=1)
PARAMETERS = ANSATZ.num_parameters
POOL = [
    "XX",
    Pauli("ZI"),
    SparsePauliOp(["XY", "ZZ", "II"], [0.5, -1.5, 0.25]),
    {"YY": 1.0, "IZ": -2.0},
    SparseObservable.from_list([("XZ", 0.7)]),
]


def arrays(shape):
    return np.random.default_rng(0).uniform(-3, 3, (*shape, PARAMETERS))


def observables(shape):
    pool = np.empty(int(np.prod(shape)), dtype=object)
    for i in range(pool.size):
        pool[i] = POOL[i % len(POOL)]
    return pool.reshape(shape).tolist()


def test_it_is_a_qiskit_estimator(inline):
    assert isinstance(inline.estimator(), BaseEstimatorV2)


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_and_shapes_broadcast_as_in_the_reference(inline, shapes):
    bindings, observed = shapes.input_shapes
    pub = (ANSATZ, observables(observed), arrays(bindings))
    (found,), (expected,) = (e.run([pub]).result() for e in (inline.estimator(), StatevectorEstimator()))
    assert found.data.evs.shape == found.data.stds.shape == found.data.shape == expected.data.evs.shape
    assert found.data.evs.dtype == float
    assert found.data.evs == pytest.approx(expected.data.evs, abs=1e-12)
    assert not found.data.stds.any()


def test_many_blocks_are_put_together_by_key(inline):
    values = arrays((60, 30))
    pub = (ANSATZ, [[o] for o in POOL[:2] * 30], values)  # 60 x 1 against 60 x 30
    inline.estimator().run([pub])
    assert len(inline.seen) > 3
    inline.seen.clear()
    (found,) = inline.estimator().run([pub]).result()
    for i, j in ((0, 0), (7, 29), (59, 3)):
        state = Statevector(ANSATZ.assign_parameters(values[i, j]))
        assert found.data.evs[i, j] == pytest.approx(state.expectation_value(Pauli(POOL[i % 2])).real, abs=1e-12)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_nothing_to_run_gives_an_empty_array(inline, shape):
    (found,) = inline.estimator().run([(ANSATZ, "ZZ", np.zeros((*shape, PARAMETERS)))]).result()
    assert found.data.evs.shape == shape
    assert inline.seen == []


def test_no_pubs_give_no_results(inline):
    job = inline.estimator().run([])
    assert job.done()
    assert len(job.result()) == 0


@pytest.mark.parametrize("observable", [*POOL, PauliList(["XX", "ZY"]), ["0+", "r1"]])
def test_observables_of_all_kinds(inline, observable):
    circuit = ANSATZ.assign_parameters(arrays(()))
    (found,) = inline.estimator().run([(circuit, observable)]).result()
    if isinstance(observable, list):
        state = Statevector(circuit)
        expected = [abs(Statevector.from_label(label).inner(state)) ** 2 for label in observable]
    else:
        expected = StatevectorEstimator().run([(circuit, observable)]).result()[0].data.evs
    assert found.data.evs == pytest.approx(expected, abs=1e-12)


def test_parameters_may_come_by_name_by_object_and_in_parts(inline):
    a, b = Parameter("a"), ParameterVector("b", 2)
    circuit = QuantumCircuit(2)
    circuit.rx(b[1], 0)
    circuit.ry(a, 1)
    circuit.crx(b[0], 1, 0)
    values = np.random.default_rng(1).uniform(size=(4, 3))  # in the order of circuit.parameters: a, b[0], b[1]
    ways = [
        values,
        {a: values[:, 0], tuple(b): values[:, 1:]},
        {"a": values[:, 0], ("b[1]", "b[0]"): values[:, [2, 1]]},
    ]
    results = inline.estimator().run([(circuit, "ZZ", way) for way in ways]).result()
    expected = [Statevector(circuit.assign_parameters(row)).expectation_value(Pauli("ZZ")).real for row in values]
    for result in results:
        assert result.data.evs == pytest.approx(expected, abs=1e-12)


def test_metadata_is_that_of_the_reference_and_what_a_repetition_needs(inline):
    circuit = QuantumCircuit(1, metadata={"mine": 3})
    result = inline.estimator(default_precision=0.25).run([(circuit, "Z"), (circuit, "Z", [], 0.5)]).result()
    assert result.metadata["version"] == 2
    assert isinstance(result.metadata["seed"], int)
    assert [pub.metadata["target_precision"] for pub in result] == [0.25, 0.5]
    assert result[0].metadata["circuit_metadata"] == {"mine": 3}
    assert result[0].metadata["simulator_metadata"] == {"method": "statevector", "units": 1}


def test_precision_comes_from_pub_then_call_then_default(inline):
    circuit = QuantumCircuit(1)
    pubs = [(circuit, "Z", None, 0.1), (circuit, "Z"), EstimatorPub.coerce((circuit, "Z", None, 0.3))]
    estimator = inline.estimator(default_precision=0.05)

    def stds(result):
        return [float(pub.data.stds) for pub in result]

    assert stds(estimator.run(pubs, precision=0.2).result()) == [0.1, 0.2, 0.3]
    assert stds(estimator.run(pubs).result()) == [0.1, 0.05, 0.3]
    assert stds(estimator.run([(circuit, "Z")], precision=0).result()) == [0]


def test_estimates_scatter_by_what_they_report(inline):
    circuit = ANSATZ.assign_parameters(arrays(()))
    exact = inline.estimator().run([(circuit, POOL)]).result()[0].data.evs
    scores = []
    for seed in range(300):
        data = inline.estimator(seed=seed).run([(circuit, POOL)], precision=0.03).result()[0].data
        assert np.all(data.stds == 0.03)
        scores.append((data.evs - exact) / data.stds)
    scores = np.array(scores)
    assert abs(scores.mean()) < 4 / np.sqrt(scores.size)
    assert abs(scores.std() - 1) < 4 / np.sqrt(2 * scores.size)
    assert np.abs(np.corrcoef(scores.T) - np.eye(len(POOL))).max() < 0.25  # elements scatter independently


def test_a_seed_repeats_the_noise_and_the_drawn_one_is_kept(inline):
    pubs = [(ANSATZ, "ZZ", arrays((3,))), (ANSATZ, "ZZ", arrays((3,)))]

    def values(seed):
        result = inline.estimator(seed=seed, default_precision=0.1).run(pubs).result()
        return [pub.data.evs.tolist() for pub in result], result.metadata["seed"]

    first, seed = values(None)
    assert values(seed)[0] == first
    assert first[0] != first[1]
    assert values(None)[0] != first


def test_one_evolution_serves_all_observables_of_a_binding(inline):
    inline.estimator().run([(ANSATZ, [[o] for o in POOL], arrays((7,)))]).result()
    assert sum(len(args[0].values) for _, _, args in inline.seen) == 7


def test_a_zip_evaluates_only_the_terms_that_each_binding_wants(inline):
    labels = ["XX", "YY", "ZZ", "XZ"]
    inline.estimator().run([(ANSATZ, labels, arrays((4,)))]).result()
    assert [len(wanted) for _, _, args in inline.seen for wanted in args[2]] == [1, 1, 1, 1]


def test_a_circuit_that_was_changed_in_between_has_its_new_value(inline):
    circuit = QuantumCircuit(1)
    circuit.ry(0.3, 0)
    estimator = inline.estimator()
    before = estimator.run([(circuit, "Z")])
    circuit.data.pop()
    circuit.ry(0.8, 0)
    after = estimator.run([(circuit, "Z")])
    assert before.result()[0].data.evs == pytest.approx(np.cos(0.3))
    assert after.result()[0].data.evs == pytest.approx(np.cos(0.8))


def test_values_changed_in_place_between_runs(inline):
    values = arrays(())
    estimator = inline.estimator()
    before = estimator.run([(ANSATZ, "ZZ", values)]).result()[0].data.evs
    values += 0.5
    after = estimator.run([(ANSATZ, "ZZ", values)]).result()[0].data.evs
    expected = Statevector(ANSATZ.assign_parameters(values)).expectation_value(Pauli("ZZ")).real
    assert after == pytest.approx(expected)
    assert before != pytest.approx(expected)


def test_units_do_not_depend_on_who_runs_them(inline):
    pub = (ANSATZ, "ZZ", arrays((3000,)))
    inline.estimator().run([pub]).result()
    sizes = [len(args[0].values) for _, _, args in inline.seen]
    assert sum(sizes) == 3000
    assert len(sizes) > 4


def test_aer_s_own_estimator_agrees(inline):
    circuit = efficient_su2(6, reps=2)
    values = np.random.default_rng(2).uniform(-3, 3, (3, circuit.num_parameters))
    operator = SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], 1.0) for i in range(5)], num_qubits=6)
    found, expected = (e.run([(circuit, operator, values)]).result()[0] for e in (inline.estimator(), EstimatorV2()))
    assert found.data.evs == pytest.approx(expected.data.evs, abs=1e-12)
    assert found.data.keys() == expected.data.keys()
    assert found.metadata.keys() == expected.metadata.keys()


@given(st.integers(0, 2**70))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_whole_number_seeds(inline, seed):
    assert inline.estimator(seed=seed).run([(QuantumCircuit(1), "Z")]).result().metadata["seed"] == seed


def test_every_unit_says_what_it_needs(inline):
    inline.with_options(priority=3, retries=2).estimator().run([(ANSATZ, "ZZ", arrays(()))]).result()
    ((options, _, _),) = inline.seen
    assert (options.priority, options.retries, options.name) == (3, 2, "estimator")
    assert options.needs[0].needs.memory > 2**27
    assert options.needs[0].needs.capabilities == {"simulator"}
