"""What a runner of cut circuits refuses, before anything is submitted."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

import pilot_quantum as pq
from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.errors import CircuitError, InvalidDescriptionError
from pilot_quantum.workload.cutting.execute import CutRunner
from pilot_quantum.workload.memory import Method

CUTS = Cuts((2,))


@pytest.fixture
def circuit():
    """Two qubits, and one gate between them."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.ry(0.4, 1)
    circuit.cz(0, 1)
    return circuit


@pytest.mark.parametrize("shots", [1e5, 1.5, None, "a", 0, -1, True])
def test_shots_are_whole_numbers(inline, circuit, shots):
    runner = inline.runner()
    for ask in (
        lambda: runner.sampled(circuit, CUTS, "ZZ", shots=shots),
        lambda: runner.samples(circuit, CUTS, shots=shots),
    ):
        with pytest.raises(InvalidDescriptionError, match=r"shots=.* must be a whole number of at least 1"):
            ask()
    assert inline.seen == []


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_seeds_are_whole_numbers_or_none(inline, circuit, seed):
    runner = inline.runner()
    for ask in (
        lambda: runner.sampled(circuit, CUTS, "ZZ", shots=1000, seed=seed),
        lambda: runner.samples(circuit, CUTS, shots=1000, seed=seed),
    ):
        with pytest.raises(InvalidDescriptionError, match=r"seed=.* must be a whole number of at least 0, or None"):
            ask()
    assert inline.seen == []


def test_whole_numbers_may_be_numpys(runner, circuit):
    found = runner.samples(circuit, CUTS, shots=np.int64(5), seed=np.int64(3)).result()
    assert np.array_equal(found, runner.samples(circuit, CUTS, shots=5, seed=3).result())


@pytest.mark.parametrize("cuts", [None, (2,), "2"])
def test_cuts_are_cuts(inline, circuit, cuts):
    runner = inline.runner()
    for ask in (
        lambda: runner.expectation(circuit, cuts, "ZZ"),
        lambda: runner.sampled(circuit, cuts, "ZZ", shots=1000),
        lambda: runner.probabilities(circuit, cuts),
        lambda: runner.samples(circuit, cuts, shots=10),
    ):
        with pytest.raises(CircuitError, match=r"are no cuts but an? .*; give Cuts\(gates"):
            ask()
    assert inline.seen == []


def test_a_circuit_is_a_circuit(runner):
    with pytest.raises(CircuitError, match=r"'x' is no circuit but a str; give a qiskit\.QuantumCircuit"):
        runner.expectation("x", Cuts(), "ZZ")


@pytest.mark.parametrize("qubits", ["01", 1, [0.5], [None]])
def test_qubits_are_numbers(inline, circuit, qubits):
    with pytest.raises(CircuitError, match=r"qubits .*: give their numbers, from 0 to 1"):
        inline.runner().probabilities(circuit, CUTS, qubits)
    assert inline.seen == []


@pytest.mark.parametrize("simulator", ["aer", None, 3])
def test_a_simulator_is_one_of_two(inline, simulator):
    with pytest.raises(InvalidDescriptionError, match=r"simulator=.* is none; use Method\.STATEVECTOR or"):
        inline.runner(simulator=simulator)


def test_a_simulator_may_be_given_by_its_name(inline, circuit):
    named = inline.runner(simulator="statevector").expectation(circuit, CUTS, "ZZ").result()
    assert named == inline.runner(simulator=Method.STATEVECTOR).expectation(circuit, CUTS, "ZZ").result()


def test_a_session_takes_the_parts_as_what_has_its_options_does(tmp_path, runner, circuit):
    with pq.Session(tmp_path) as session:
        session.add_pilot("local://?cores=1")
        found = CutRunner(session, session.resources, cancel=session.cancel).expectation(circuit, CUTS, "ZZ").result(60)
    assert found == pytest.approx(runner.expectation(circuit, CUTS, "ZZ").result())


def test_what_takes_no_tasks_is_refused(inline):
    with pytest.raises(InvalidDescriptionError, match=r"submitter=5 takes no tasks: give a session"):
        CutRunner(5, inline.resources)
    with pytest.raises(
        InvalidDescriptionError, match=r"has to be a function: give session\.resources, without calling"
    ):
        CutRunner(inline, inline.resources())
    with pytest.raises(InvalidDescriptionError, match=r"cancel=None has to be a function: give cancel=session\.cancel"):
        CutRunner(inline, inline.resources, cancel=None)
