"""What a worker computes, in this process, against qiskit.quantum_info."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.quantum_info import SparseObservable, SparsePauliOp, Statevector, random_pauli_list

from pilot_quantum.errors import SimulationError
from pilot_quantum.workload import units
from pilot_quantum.workload.aer import outcomes
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.blocks import UnitKey
from pilot_quantum.workload.flatten import flatten
from pilot_quantum.workload.memory import Method, method_of
from pilot_quantum.workload.pauli import paulis_of
from pilot_quantum.workload.traits import traits_of
from pilot_quantum.workload.units import Work, estimate, sample


def work_of(circuit, values=None):
    traits = traits_of(circuit)
    rows = np.zeros((1, 0)) if values is None else np.asarray(values, dtype=float)
    return Work(to_blob(circuit, traits.standard), rows, method_of(traits), traits.dynamic)


def strings(qubits, count=12, seed=0):
    labels = [*random_pauli_list(qubits, count, seed=seed, phase=False).to_labels(), "I" * qubits, "Z" * qubits]
    return labels, paulis_of(SparseObservable.from_list([(label, 1.0) for label in dict.fromkeys(labels)]))[0]


def counts_of(circuit, shots=4000, seed=5, values=None):
    registers = tuple(tuple(circuit.find_bit(bit).index for bit in creg) for creg in circuit.cregs)
    arrays = sample(work_of(circuit, values), registers, shots, seed, UnitKey(0, 0, 0))
    assert [array.shape[1] for array in arrays] == [shots] * len(registers)
    return arrays


def as_ints(array):
    return [int.from_bytes(row.tobytes(), "big") for row in array[0]]


def test_expectation_values_of_circuits_of_all_kinds(circuit, exact):
    _, terms = strings(circuit.num_qubits)
    found = estimate(work_of(circuit), terms, None)
    state = exact(circuit)
    expected = [state.expectation_value(SparsePauliOp(label)).real for label in terms.labels()]
    assert found == pytest.approx(expected, abs=1e-10)


def test_parameters_of_all_kinds_are_bound(ansatz, exact):
    values = np.random.default_rng(4).uniform(-3, 3, (4, ansatz.num_parameters))
    _, terms = strings(ansatz.num_qubits)
    found = estimate(work_of(ansatz, values), terms, None).reshape(4, -1)
    for row, value in zip(found, values, strict=True):
        state = exact(ansatz.assign_parameters(value))
        expected = [state.expectation_value(SparsePauliOp(label)).real for label in terms.labels()]
        assert row == pytest.approx(expected, abs=1e-10)


@pytest.mark.requires("lightning")
@pytest.mark.parametrize("method", [Method.LIGHTNING, Method.MPS])
def test_other_simulators_give_the_same_of_circuits_of_all_kinds(method, circuit, exact):
    _, terms = strings(circuit.num_qubits)
    work = replace(work_of(circuit), method=method)
    if method is Method.LIGHTNING and "initialize" in flatten(circuit).count_ops():
        with pytest.raises(SimulationError, match="simulate it with Aer"):
            estimate(work, terms, None)
        return
    state = exact(circuit)
    expected = [state.expectation_value(SparsePauliOp(label)).real for label in terms.labels()]
    assert estimate(work, terms, None) == pytest.approx(expected, abs=1e-9)


@pytest.mark.requires("lightning")
@pytest.mark.parametrize("method", [Method.LIGHTNING, Method.MPS])
def test_other_simulators_bind_parameters_of_all_kinds_and_give_what_is_wanted(method, ansatz):
    values = np.random.default_rng(4).uniform(-3, 3, (3, ansatz.num_parameters))
    _, terms = strings(ansatz.num_qubits)
    work = work_of(ansatz, values)
    for wanted in (None, (np.array([3, 5]), np.array([0]), np.array([1, 2]))):
        found = estimate(replace(work, method=method), terms, wanted)
        assert found == pytest.approx(estimate(work, terms, wanted), abs=1e-9)


@pytest.mark.requires("lightning")
def test_lightning_s_state_is_aer_s_up_to_its_phase(circuit):
    if "initialize" in flatten(circuit).count_ops():
        return
    blob = to_blob(circuit, traits_of(circuit).standard)
    states = [units.final_state(blob, method) for method in (Method.STATEVECTOR, Method.LIGHTNING)]
    assert abs(np.vdot(*states)) == pytest.approx(1, abs=1e-9)


def test_a_clifford_circuit_without_gates_that_depend_on_its_parameter_has_values_for_each_binding():
    circuit = QuantumCircuit(2, global_phase=Parameter("phase"))
    circuit.h(0)
    circuit.cx(0, 1)
    work = Work(to_blob(circuit, True), np.array([[0.1], [0.2]]), Method.STABILIZER)
    _, terms = strings(2)
    labels = terms.labels()
    found = estimate(work, terms, None).reshape(2, -1)
    assert found[:, labels.index("ZZ")].tolist() == [1, 1]


def test_each_binding_has_the_terms_that_it_wants(ansatz):
    values = np.random.default_rng(4).uniform(-3, 3, (2, ansatz.num_parameters))
    _, terms = strings(ansatz.num_qubits)
    everything = estimate(work_of(ansatz, values), terms, None).reshape(2, -1)
    wanted = (np.array([3, 5]), np.array([0]))
    found = estimate(work_of(ansatz, values), terms, wanted)
    assert found == pytest.approx([everything[0, 3], everything[0, 5], everything[1, 0]], abs=1e-12)


def test_circuits_that_differ_by_angles_share_what_aer_needs():
    units._evolutions = type(units._evolutions)(10**6)
    _, terms = strings(3)
    for angle in (0.1, 0.2, 0.3):
        circuit = QuantumCircuit(3)
        circuit.ry(angle, 0)
        circuit.cx(0, 2)
        found = estimate(work_of(circuit), terms, None)
        state = Statevector(circuit)
        assert found[-1] == pytest.approx(state.expectation_value(SparsePauliOp(terms.labels()[-1])).real, abs=1e-12)
    assert len(units._evolutions) == 1
    other = QuantumCircuit(3)
    other.ry(0.1, 0)
    other.cx(1, 0)
    estimate(work_of(other), terms, None)
    assert len(units._evolutions) == 2


def test_gates_with_content_beyond_angles_are_not_shared():
    _, terms = strings(1)
    for unitary in (np.eye(2), np.array([[0, 1], [1, 0]])):
        circuit = QuantumCircuit(1)
        circuit.unitary(unitary, 0)
        expected = Statevector(circuit).expectation_value(SparsePauliOp("Z")).real
        assert estimate(work_of(circuit), terms.only(np.array([terms.labels().index("Z")])), None) == [expected]


def test_wide_clifford_circuits_are_exact():
    ghz = QuantumCircuit(40)
    ghz.h(0)
    for i in range(39):
        ghz.cx(i, i + 1)
    labels = ["Z" * 40, "X" * 40, "I" * 38 + "ZZ", "I" * 39 + "Z", "I" * 40]
    terms, _ = paulis_of(SparseObservable.from_list([(label, 1.0) for label in labels]))
    assert work_of(ghz).method is Method.STABILIZER
    assert estimate(work_of(ghz), terms, None).tolist() == [1, 1, 1, 0, 1]
    ghz.measure_all()
    (array,) = counts_of(ghz, shots=100)
    assert set(as_ints(array)) == {0, 2**40 - 1}


def test_a_wide_circuit_with_few_qubits_in_use():
    wide = QuantumCircuit(100, 2)
    wide.ry(0.4, 99)
    wide.cx(99, 3)
    terms, _ = paulis_of(SparseObservable.from_list([("Z" + "I" * 99, 1.0), ("IX" + "I" * 98, 1.0), ("Z" * 100, 1.0)]))
    assert estimate(work_of(wide), terms, None) == pytest.approx([np.cos(0.4), 0, 1])
    wide.measure([99, 50], [1, 0])
    (array,) = counts_of(wide)
    assert set(as_ints(array)) == {0, 2}


def assert_distributed(found, probabilities, shots):
    """Counts that a chi-squared test could not tell from `probabilities` (a fixed seed, so never by chance)."""
    seen = np.bincount(found, minlength=len(probabilities))
    assert seen[probabilities < 1e-12].sum() == 0
    possible = probabilities > 1e-12
    expected = probabilities[possible] * shots
    chi2 = ((seen[possible] - expected) ** 2 / expected).sum()
    freedom = possible.sum() - 1
    assert chi2 <= freedom + 5 * np.sqrt(2 * freedom) + 1e-9


def test_samples_of_circuits_of_all_kinds(circuit, exact):
    measured = circuit.copy()
    measured.add_register(ClassicalRegister(circuit.num_qubits, "all"))
    measured.measure(circuit.qubits, measured.cregs[-1])
    (array,) = counts_of(measured)
    assert_distributed(as_ints(array), exact(circuit).probabilities(), 4000)


def registers():
    q, x, y, z = QuantumRegister(3), ClassicalRegister(2, "x"), ClassicalRegister(9, "y"), ClassicalRegister(1, "z")
    circuit = QuantumCircuit(q, x, y, z)
    circuit.x([0, 2])
    circuit.measure(0, x[1])
    circuit.measure([2, 1, 0], [y[8], y[1], y[2]])
    return circuit


def test_each_register_holds_its_own_bits_and_the_rest_is_zero():
    arrays = counts_of(registers(), shots=3)
    assert [array.shape for array in arrays] == [(1, 3, 1), (1, 3, 2), (1, 3, 1)]
    assert [set(as_ints(array)) for array in arrays] == [{2}, {256 + 4}, {0}]


def test_registers_are_the_same_when_every_shot_runs_by_itself():
    circuit = registers()
    circuit.x(0)  # after its measurement
    assert work_of(circuit).dynamic
    assert [set(as_ints(array)) for array in counts_of(circuit, shots=3)] == [{2}, {256 + 4}, {0}]


def test_the_last_measurement_into_a_bit_counts():
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure([0, 1], [0, 0])
    (array,) = counts_of(circuit, shots=3)
    assert set(as_ints(array)) == {0}


def teleportation():
    circuit = QuantumCircuit(3, 3)
    circuit.ry(0.9, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((1, 1)):
        circuit.x(2)
    with circuit.if_test((0, 1)):
        circuit.z(2)
    circuit.ry(-0.9, 2)
    circuit.measure(2, 2)
    return circuit


def test_control_by_measurements_teleports():
    (array,) = counts_of(teleportation(), shots=500)
    found = as_ints(array)
    assert {value & 4 for value in found} == {0}
    assert_distributed(found, np.full(4, 0.25), 500)


def repeat_until_success():
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.h(0)
        circuit.measure(0, 0)
    return circuit


def switched():
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, "c"))
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(1):
            circuit.x(1)
        with case(case.DEFAULT):
            circuit.h(1)
    circuit.measure(1, 1)
    return circuit


def switched_over_own_gate():
    inner = QuantumCircuit(1, name="turned")
    inner.rx(np.pi, 0)
    circuit = switched()
    circuit.append(inner.to_gate(), [1])
    circuit.measure(1, 1)
    return circuit


def reset():
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize(
    ("build", "expected"), [(repeat_until_success, 1), (switched, 3), (switched_over_own_gate, 1), (reset, 0)]
)
def test_loops_switches_and_resets(build, expected):
    (array,) = counts_of(build(), shots=50)
    assert set(as_ints(array)) == {expected}


def test_parameters_inside_control_flow_are_bound():
    from qiskit.circuit import Parameter

    angle = Parameter("angle")
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.rx(angle, 1)
    circuit.measure(1, 1)
    registers = ((0, 1),)
    (array,) = sample(work_of(circuit, [[0.0], [np.pi]]), registers, 20, 1, UnitKey(0, 0, 0))
    assert array[0].ravel().tolist() == [1] * 20
    assert array[1].ravel().tolist() == [3] * 20


def test_samples_repeat_for_a_seed_and_differ_between_units():
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    circuit.measure_all()
    for made in (circuit, teleportation()):
        work, registers = work_of(made), ((0, 1),)
        first, again = (sample(work, registers, 200, 3, UnitKey(0, 0, 0))[0] for _ in range(2))
        other = sample(work, registers, 200, 3, UnitKey(0, 0, 1))[0]
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_what_aer_refuses_is_an_error_in_its_own_words():
    circuit = QuantumCircuit(1, 1)
    circuit.t(0)
    circuit.measure(0, 0)
    with pytest.raises(SimulationError, match="Qiskit Aer"):
        outcomes(circuit, Method.STABILIZER, 10, 1)
