"""The primitives on real sessions: workers, pilots, failures."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError, wait

import numpy as np
import pytest
from qiskit import QiskitError
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector

import pilot_quantum as pq
from pilot_quantum.interfaces.qiskit import Estimator

ANSATZ = efficient_su2(3, reps=1)
VALUES = np.random.default_rng(5).uniform(-3, 3, (700, ANSATZ.num_parameters))


def dynamic():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.h(1)
    circuit.measure(1, 1)
    return circuit


def outcomes(session):
    sampler, estimator = session.sampler(seed=11), session.estimator(seed=12, default_precision=0.1)
    measured = ANSATZ.measure_all(inplace=False)
    sampled = sampler.run([(measured, VALUES), dynamic()], shots=9000).result()
    estimated = estimator.run([(ANSATZ, "ZXY", VALUES)]).result()
    assert sampled[0].metadata["simulator_metadata"]["units"] > 5
    assert sampled[1].metadata["simulator_metadata"]["units"] > 1
    return [sampled[0].data.meas.array, sampled[1].data.c.array, estimated[0].data.evs]


@pytest.fixture(scope="module")
def expected(session):
    return outcomes(session)


@pytest.mark.parametrize(
    "pilots", [["local://?cores=1"], ["local://?cores=5"], ["local://?cores=1", "local://?cores=2"]]
)
def test_values_are_bit_equal_on_any_workers_and_pilots(pilots, expected, tmp_path):
    with pq.Session(tmp_path) as session:
        for pilot in pilots:
            session.add_pilot(pilot)
        for found, wanted in zip(outcomes(session), expected, strict=True):
            assert found.tobytes() == wanted.tobytes()


def test_values_are_exact(session):
    circuit = ANSATZ.assign_parameters(VALUES[0])
    operator = SparsePauliOp(["ZZI", "IXX", "YIY"], [1, -0.5, 2])
    (found,) = session.estimator().run([(circuit, operator)]).result()
    assert found.data.evs == pytest.approx(Statevector(circuit).expectation_value(operator).real, abs=1e-12)


def test_a_loop_that_binds_and_changes_its_circuit(session):
    estimator = session.estimator()
    circuit = ANSATZ.copy()
    for step in range(3):
        value = estimator.run([(circuit, "ZZZ", VALUES[step])]).result()[0].data.evs
        bound = circuit.assign_parameters(VALUES[step])
        again = estimator.run([(bound, "ZZZ")]).result()[0].data.evs
        exact = Statevector(bound).expectation_value(Pauli("ZZZ")).real
        assert [value, again] == pytest.approx([exact, exact], abs=1e-12)
        circuit.cx(step, (step + 1) % 3)


def test_gates_of_a_user_s_script_travel(session):
    class Tilt(Gate):
        def __init__(self, angle):
            super().__init__("tilt", 1, [angle])

        def _define(self):
            self.definition = QuantumCircuit(1)
            self.definition.ry(2 * self.params[0], 0)

    circuit = QuantumCircuit(1)
    circuit.append(Tilt(0.4), [0])
    (found,) = session.estimator().run([(circuit, "Z")]).result()
    assert found.data.evs == pytest.approx(np.cos(0.8))


class Broken(Gate):
    """Fails where it is taken apart: in a worker."""

    def __init__(self):
        super().__init__("broken", 1, [])

    def _define(self):
        raise ZeroDivisionError("no definition")


def test_a_failed_unit_raises_its_error_with_the_pub_named(session):
    circuit = QuantumCircuit(1)
    circuit.append(Broken(), [0])
    job = session.estimator().run([(QuantumCircuit(1), "Z"), (circuit, "Z")])
    with pytest.raises(QiskitError, match="broken") as caught:
        job.result(timeout=60)
    assert any("PUB 1" in note for note in caught.value.__notes__)


class Fatal(Gate):
    """Kills the first worker that takes it apart."""

    def __init__(self, flag):
        super().__init__("fatal", 1, [])
        self.flag = flag

    def _define(self):
        if not os.path.exists(self.flag):
            open(self.flag, "w").close()
            os._exit(1)
        self.definition = QuantumCircuit(1)
        self.definition.h(0)


def test_samples_after_a_worker_s_death_are_those_without(session, tmp_path):
    def samples():
        circuit = QuantumCircuit(1)
        circuit.append(Fatal(str(tmp_path / "flag")), [0])
        circuit.measure_all()
        return session.sampler(seed=3).run([circuit] * 4, shots=100).result(timeout=60)

    first, second = samples(), samples()
    assert (tmp_path / "flag").exists()
    for one, other in zip(first, second, strict=True):
        assert one.data.meas == other.data.meas


def heavy():
    """Some 400 units of 30 ms."""
    circuit = efficient_su2(16, reps=3)
    return circuit, "Z" * 16, np.zeros((400, circuit.num_parameters))


def cancelling(session):
    return Estimator(session.with_options(), session.resources, cancel=session.cancel)


def test_a_cancelled_job_ends_its_units_those_that_run_too(session):
    job = cancelling(session).run([heavy()])
    assert job.cancel()
    assert job.cancelled()
    with pytest.raises(CancelledError):
        job.result()
    wait(job._batch._futures.values(), timeout=60)
    assert all(future.done() for future in job._batch._futures.values())
    assert session.estimator().run([(QuantumCircuit(1), "Z")]).result()[0].data.evs == 1


def test_a_failed_unit_ends_the_others(session):
    circuit = QuantumCircuit(1)
    circuit.append(Broken(), [0])
    job = cancelling(session).run([(circuit, "Z"), heavy()])
    with pytest.raises(QiskitError, match="broken"):
        job.result(timeout=60)
    wait(job._batch._futures.values(), timeout=60)
    assert any(future.cancelled() for future in job._batch._futures.values())


def test_without_a_pilot_it_waits_and_with_a_small_one_it_refuses(tmp_path):
    with pq.Session(tmp_path) as session:
        job = session.estimator().run([(QuantumCircuit(1), "Z")])
        with pytest.raises(TimeoutError):
            job.result(timeout=0)
        session.add_pilot("local://?cores=1&memory=1GiB")
        assert job.result(timeout=60)[0].data.evs == 1
        wide = QuantumCircuit(30)
        wide.rx(0.1, range(30))
        with pytest.raises(pq.CircuitTooLargeError, match=r"30 qubits.*40.1 GiB.*1 GiB"):
            session.estimator().run([(wide, "Z" * 30)])


def test_options_of_the_scheduler_reach_the_units(session):
    careful = session.with_options(needs=pq.Needs(cores=2), priority=2, retries=1, name="careful")
    (found,) = careful.estimator().run([(ANSATZ, "ZZZ", VALUES[0])]).result()
    assert found.data.evs == pytest.approx(
        Statevector(ANSATZ.assign_parameters(VALUES[0])).expectation_value(Pauli("ZZZ")).real
    )
