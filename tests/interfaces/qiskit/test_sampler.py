from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BaseSamplerV2, StatevectorSampler
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Statevector
from qiskit_aer.primitives import SamplerV2

ANSATZ = efficient_su2(2, reps=1)
MEASURED = ANSATZ.measure_all(inplace=False)
PARAMETERS = ANSATZ.num_parameters


def arrays(shape):
    return np.random.default_rng(0).uniform(-3, 3, (*shape, PARAMETERS))


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_it_is_a_qiskit_sampler(inline):
    assert isinstance(inline.sampler(), BaseSamplerV2)


def test_counts_of_a_bell_pair(inline):
    counts = inline.sampler(seed=1).run([bell()], shots=10_000).result()[0].data.meas.get_counts()
    assert counts.keys() == {"00", "11"}
    assert abs(counts["00"] - 5000) < 5 * 50


@given(array_shapes(min_dims=0, max_dims=3, max_side=3))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shapes_are_those_of_the_reference(inline, shape):
    pub = (MEASURED, arrays(shape), 16)
    (found,), (expected,) = (s.run([pub]).result() for s in (inline.sampler(), StatevectorSampler()))
    assert found.data.shape == expected.data.shape == shape
    assert found.data.keys() == expected.data.keys()
    assert found.data.meas.array.shape == expected.data.meas.array.shape
    assert found.data.meas.num_bits == expected.data.meas.num_bits
    assert found.join_data().num_shots == 16


def test_each_binding_is_sampled_from_its_own_state(inline):
    values = arrays((2, 3))
    bits = inline.sampler(seed=2).run([(MEASURED, values)], shots=20_000).result()[0].data.meas
    for place in np.ndindex(2, 3):
        exact = Statevector(ANSATZ.assign_parameters(values[place])).probabilities()
        counts = bits[place].get_int_counts()
        found = np.array([counts.get(i, 0) for i in range(4)])
        sigma = np.sqrt(20_000 * exact * (1 - exact)) + 1
        assert np.abs(found - 20_000 * exact).max() < 5 * sigma.max()


def test_several_registers_as_in_aer(inline):
    q, x, y, z = QuantumRegister(3), ClassicalRegister(1, "x"), ClassicalRegister(10, "y"), ClassicalRegister(2, "z")
    circuit = QuantumCircuit(q, x, y, z, metadata={"mine": 1})
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [x[0], y[9], y[8]])
    (found,), (expected,) = (s.run([circuit], shots=5).result() for s in (inline.sampler(), SamplerV2()))
    assert found.data.keys() == expected.data.keys()
    for name in "xyz":
        assert found.data[name] == expected.data[name]
    assert found.metadata.keys() == expected.metadata.keys()
    assert found.metadata["shots"] == 5
    assert found.metadata["circuit_metadata"] == {"mine": 1}


def test_shots_come_from_pub_then_call_then_default(inline):
    pubs = [(bell(), None, 10), bell(), SamplerPub.coerce((bell(), None, 30))]
    sampler = inline.sampler(default_shots=40)

    def shots(result):
        return [pub.data.meas.num_shots for pub in result], [pub.metadata["shots"] for pub in result]

    assert shots(sampler.run(pubs, shots=20).result()) == ([10, 20, 30], [10, 20, 30])
    assert shots(sampler.run(pubs).result()) == ([10, 40, 30], [10, 40, 30])
    assert inline.sampler().run([bell()]).result()[0].metadata["shots"] == 1024


def test_a_circuit_without_registers_warns_and_has_an_empty_result(inline):
    with pytest.warns(UserWarning, match=r"PUB 0.*no classical register.*measure_all"):
        (found,) = inline.sampler().run([(ANSATZ, arrays((3,)))]).result()
    assert found.data.shape == (3,)
    assert len(found.data) == 0
    assert inline.seen == []


def test_bits_that_nobody_measured_are_zero(inline):
    circuit = QuantumCircuit(2, 3)
    circuit.x([0, 1])
    circuit.measure(1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = inline.sampler().run([circuit, QuantumCircuit(1, 2)], shots=4).result()
    assert results[0].data.c.get_counts() == {"010": 4}
    assert results[1].data.c.get_counts() == {"00": 4}


def test_bits_shared_by_registers_are_in_both(inline):
    q, x = QuantumRegister(2), ClassicalRegister(2, "x")
    circuit = QuantumCircuit(q, x, ClassicalRegister(bits=[x[1], x[0]], name="reversed"))
    circuit.x(0)
    circuit.measure(q, x)
    (found,) = inline.sampler().run([circuit], shots=3).result()
    assert found.data.x.get_counts() == {"01": 3}
    assert found.data["reversed"].get_counts() == {"10": 3}


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_nothing_to_run_gives_an_empty_array(inline, shape):
    (found,) = inline.sampler().run([(MEASURED, np.zeros((*shape, PARAMETERS)))], shots=7).result()
    assert found.data.meas.shape == shape
    assert found.data.meas.num_shots == 7
    assert inline.seen == []
    assert len(inline.sampler().run([]).result()) == 0


def dynamic():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def test_shots_that_run_by_themselves_are_divided_and_put_together(inline):
    (found,) = inline.sampler(seed=3).run([dynamic()], shots=20_000).result()
    assert len(inline.seen) > 1
    counts = found.data.c.get_counts()
    assert counts.keys() == {"00", "11"}
    assert sum(counts.values()) == 20_000
    assert abs(counts["00"] - 10_000) < 5 * 71
    blocks = np.array_split(found.data.c.array[:, 0], 8)
    assert len({block.tobytes() for block in blocks}) == 8  # each has a seed of its own


def test_a_seed_repeats_the_samples_and_the_drawn_one_is_kept(inline):
    pubs = [bell(), bell(), dynamic()]

    def samples(seed):
        result = inline.sampler(seed=seed).run(pubs, shots=64).result()
        arrays = [result[0].data.meas.array, result[1].data.meas.array, result[2].data.c.array]
        return [array.tobytes() for array in arrays], result.metadata["seed"]

    first, seed = samples(None)
    assert samples(seed)[0] == first
    assert first[0] != first[1]
    assert samples(None)[0] != first


def test_a_circuit_that_was_changed_in_between_has_its_new_samples(inline):
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    before = inline.sampler().run([circuit], shots=3)
    circuit.data.insert(0, QuantumCircuit(circuit.qubits).compose(_x(), circuit.qubits).data[0])
    after = inline.sampler().run([circuit], shots=3)
    assert before.result()[0].data.c.get_counts() == {"0": 3}
    assert after.result()[0].data.c.get_counts() == {"1": 3}


def _x():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    return circuit


def test_a_wide_clifford_circuit_needs_no_state_vector(inline):
    ghz = QuantumCircuit(60)
    ghz.h(0)
    for i in range(59):
        ghz.cx(i, i + 1)
    ghz.measure_all()
    (found,) = inline.sampler().run([ghz], shots=50).result()
    assert found.data.meas.get_counts().keys() <= {"0" * 60, "1" * 60}
    assert found.metadata["simulator_metadata"]["method"] == "stabilizer"


def test_every_unit_says_what_it_needs(inline):
    inline.with_options(name="mine").sampler().run([bell()]).result()
    ((options, _, _),) = inline.seen
    assert options.name == "mine"
    assert options.needs[0].needs.capabilities == {"simulator"}
