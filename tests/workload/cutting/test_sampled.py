"""Values from shots: unbiased, with errors that are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.cut_circuits import clustered, esu2, last_z, neighbours, tfim
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector
from tests.workload.cutting.inline import Inline
from tests.workload.cutting.random_circuits import random_sum
from tests.workload.cutting.test_exact import halves

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.errors import CircuitError
from pilot_quantum.workload.cutting.subexperiments import draw

SEEDS = 200


def a_gate_and_a_wire():
    circuit = QuantumCircuit(5)
    for i in range(5):
        circuit.ry(0.4 + 0.3 * i, i)
    for i in range(4):
        circuit.cp(0.9, i, i + 1)
        circuit.rx(0.5, i + 1)
    return circuit, Cuts(gates=(7,), wires=(WireCut(11, 3),)), random_sum(2, 5), 40_000


CASES = {
    "one observable": lambda: (esu2(6), halves(esu2(6)), last_z(6), 20_000),
    "many strings from the same shots": lambda: (esu2(6), halves(esu2(6)), neighbours(6), 20_000),
    "small angles": lambda: (tfim(6, 2), halves(tfim(6, 2)), last_z(6), 20_000),
    "a gate and a wire": a_gate_and_a_wire,
}


@pytest.mark.parametrize("case", CASES)
def test_the_reported_error_is_that_of_the_values(runner, case):
    circuit, cuts, observable, shots = CASES[case]()
    exact = Statevector(circuit).expectation_value(observable).real
    found = [runner.sampled(circuit, cuts, observable, shots=shots, seed=seed).result() for seed in range(SEEDS)]
    z = np.array([(each.values - exact) / each.errors for each in found])
    assert abs(z.mean()) <= 0.25
    assert 0.85 <= z.std() <= 1.15
    assert np.abs(z).max() <= 5
    assert {each.shots for each in found} == {shots}


def test_only_subexperiments_that_matter_are_run_and_each_once(inline):
    circuit = esu2(8)
    found = inline.runner().sampled(circuit, halves(circuit), last_z(8), shots=20_000, seed=1).result()
    # Two cuts: 25 variants of the half that is observed; of the other those 9 with a measurement.
    assert found.subexperiments == 34
    assert found.overhead == pytest.approx(81)
    for number in (0, 1):
        keys = [
            (args[-1][0], key) for _, fn, args in inline.seen if fn is draw and args[-1][1] == number for key in args[2]
        ]
        assert len(keys) == len(set(keys)) <= 34


def test_a_seed_repeats_values_and_another_does_not(runner):
    circuit = clustered(6, 2, 4, 1)
    cuts = halves(circuit)
    one, same, other = (
        runner.sampled(circuit, cuts, neighbours(6), shots=5000, seed=seed).result() for seed in (1, 1, 2)
    )
    assert (one.values, one.errors) == (same.values, same.errors)
    assert one.values != other.values
    drawn = runner.sampled(circuit, cuts, neighbours(6), shots=5000).result()
    again = runner.sampled(circuit, cuts, neighbours(6), shots=5000, seed=drawn.seed).result()
    assert drawn.values == again.values


def test_observables_share_their_shots(runner):
    circuit = clustered(6, 2, 4, 1)
    observables = [neighbours(6), last_z(6)]
    found = runner.sampled(circuit, halves(circuit), observables, shots=50_000, seed=4).result()
    exact = [Statevector(circuit).expectation_value(each).real for each in observables]
    assert found.values.shape == found.errors.shape == (2,)
    assert (np.abs(found.values - exact) < 5 * found.errors).all()
    assert found.shots == 50_000


def test_more_shots_lower_the_error_by_their_root(runner):
    circuit = esu2(6)
    few, many = (
        runner.sampled(circuit, halves(circuit), last_z(6), shots=shots, seed=1).result() for shots in (10**4, 10**6)
    )
    assert few.errors / many.errors == pytest.approx(10, rel=0.15)


def test_without_cuts_it_is_plain_sampling(runner):
    circuit = esu2(4)
    found = runner.sampled(circuit, Cuts(), last_z(4), shots=10_000, seed=1).result()
    exact = Statevector(circuit).expectation_value(last_z(4)).real
    assert found.errors == pytest.approx(np.sqrt((1 - exact**2) / 10_000), rel=0.05)


def test_what_is_known_needs_no_shots():
    inline = Inline()
    found = inline.runner().sampled(esu2(4), Cuts(), ["IIII"], shots=10, seed=1).result()
    assert (found.values.tolist(), found.errors.tolist(), found.shots) == ([1.0], [0.0], 0)
    assert inline.seen == []


def test_a_budget_that_is_too_small_is_refused_with_the_number(runner):
    with pytest.raises(CircuitError, match="give at least 2176"):
        runner.sampled(esu2(8), halves(esu2(8)), last_z(8), shots=2000)
