"""Amplitudes, put together from fragments, against the whole circuit's state vector."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.cut_circuits import FAMILIES, clustered, ghz, last_z, neighbours
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.quantum_info import SparsePauliOp, Statevector
from tests.workload.cutting.inline import Inline
from tests.workload.cutting.random_circuits import random_cut_circuit, random_sum

from pilot_quantum.circuit import fragment_tasks
from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.circuit.sampling import impossible_outcomes, total_variation, total_variation_bound
from pilot_quantum.errors import CircuitError, CircuitTooLargeError, InvalidDescriptionError
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.observables import pauli_sums
from pilot_quantum.workload.memory import Method


def halves(circuit):
    """Cuts of all gates between two halves of the qubits: of many random halvings, that with the fewest."""
    qubits = [{circuit.find_bit(qubit).index for qubit in inst.qubits} for inst in circuit.data]
    rng = np.random.default_rng(1)
    orders = [np.arange(circuit.num_qubits), *(rng.permutation(circuit.num_qubits) for _ in range(500))]
    sides = [set(order[: circuit.num_qubits // 2].tolist()) for order in orders]
    crossing = [tuple(i for i, on in enumerate(qubits) if on & side and on - side) for side in sides]
    return Cuts(gates=min(crossing, key=len))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_cut_in_halves_has_the_values_of_its_state_vector(runner, family):
    circuit = FAMILIES[family](6 if family == "qft" else 10)
    qubits = circuit.num_qubits
    observables = [last_z(qubits), neighbours(qubits), random_sum(3, qubits, 6)]
    state = Statevector(circuit)
    found = runner.expectation(circuit, halves(circuit), observables).result()
    assert found == pytest.approx([state.expectation_value(each).real for each in observables], abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_found_cuts_give_the_fragments_overhead_and_value_that_were_promised(runner, family):
    circuit = FAMILIES[family](6 if family == "qft" else 10)
    observable = random_sum(5, circuit.num_qubits, 6)
    best = find_cuts(circuit, 5 if family != "qaoa" else 8).best
    cut = cut_circuit(circuit, best.cuts)
    assert cut.overhead == pytest.approx(best.overhead)
    assert sorted((fragment.width for fragment in cut.fragments), reverse=True) == list(best.widths)
    found = runner.expectation(circuit, best.cuts, observable).result()
    assert found == pytest.approx(Statevector(circuit).expectation_value(observable).real, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    qubits=st.integers(2, 14),
    groups=st.integers(2, 3),
    gates=st.integers(0, 3),
    wires=st.integers(0, 2),
)
def test_any_circuit_cut_anywhere_has_the_values_of_its_state_vector(seed, qubits, groups, gates, wires):
    circuit, cuts = random_cut_circuit(seed, qubits, min(groups, qubits), gates, wires)
    observables = [random_sum(seed % 1000 + i, qubits) for i in range(2)]
    state = Statevector(circuit)
    found = Inline().runner().expectation(circuit, cuts, observables).result()
    assert found == pytest.approx([state.expectation_value(each).real for each in observables], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), qubits=st.integers(2, 11), gates=st.integers(0, 2), wires=st.integers(0, 2))
def test_any_circuit_cut_anywhere_has_the_distribution_of_its_state_vector(seed, qubits, gates, wires):
    circuit, cuts = random_cut_circuit(seed, qubits, 2, gates, wires)
    runner, state = Inline().runner(), Statevector(circuit)
    assert runner.probabilities(circuit, cuts).result() == pytest.approx(state.probabilities(), abs=1e-10)
    some = np.random.default_rng(seed).permutation(qubits)[: 1 + qubits // 2].tolist()
    found = runner.probabilities(circuit, cuts, some).result()
    assert found == pytest.approx(state.probabilities(some), abs=1e-10)


@pytest.mark.requires("lightning")
@pytest.mark.parametrize("seed", range(5))
def test_fragments_run_on_lightning_as_on_aer(inline, seed):
    circuit, cuts = random_cut_circuit(seed, 8, gates=2, wires=1)
    lightning = inline.runner(simulator=Method.LIGHTNING)
    observable = random_sum(seed, 8)
    wanted = Statevector(circuit).expectation_value(observable).real
    assert lightning.expectation(circuit, cuts, observable).result() == pytest.approx(wanted, abs=1e-9)
    assert lightning.probabilities(circuit, cuts).result() == pytest.approx(Statevector(circuit).probabilities())
    drawn = lightning.sampled(circuit, cuts, observable, shots=10**6, seed=3).result()
    assert abs(drawn.values - wanted) < 6 * drawn.errors
    assert {arguments[0].simulator for _, _, arguments in inline.seen} == {Method.LIGHTNING}


def test_a_simulator_without_amplitudes_is_refused(inline):
    with pytest.raises(InvalidDescriptionError, match=r"use Method\.STATEVECTOR or Method\.LIGHTNING"):
        inline.runner(simulator=Method.MPS)


def test_a_circuit_that_is_cut_already_is_not_cut_again(inline):
    circuit, cuts = random_cut_circuit(4, 7)
    observables = [random_sum(4, 7), random_sum(5, 7)]
    sums = pauli_sums(observables, 7)
    for cut in (cut_circuit(circuit, cuts), observed(cut_circuit(circuit, cuts), sums.qubits)):
        found = inline.runner().expectation_of(cut, sums).result()
        assert found == pytest.approx(inline.runner().expectation(circuit, cuts, observables).result(), abs=1e-12)


def test_the_random_circuits_are_really_cut():
    made = [cut_circuit(*random_cut_circuit(seed, 10, 2, 2, 1)) for seed in range(20)]
    assert all(len(cut.fragments) > 1 for cut in made)
    assert sum(len(cut.links) for cut in made) >= 50
    assert {link.terms for cut in made for link in cut.links} == {2, 4}


def test_a_gate_is_cut_behind_a_cut_wire(runner):
    circuit = clustered(6, 2, 4, 2)
    gate = halves(circuit).gates[0]
    qubit = circuit.find_bit(circuit.data[gate].qubits[0]).index
    cuts = Cuts(gates=(gate,), wires=(WireCut(gate, qubit),))
    value = runner.expectation(circuit, cuts, neighbours(6)).result()
    assert value == pytest.approx(Statevector(circuit).expectation_value(neighbours(6)).real, abs=1e-10)


def test_a_wire_is_cut_before_anything_acts_on_it_and_twice(runner):
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, 0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.rx(0.2, 1)
    cuts = Cuts(wires=(WireCut(1, 1), WireCut(2, 1), WireCut(3, 1)))
    value = runner.expectation(circuit, cuts, neighbours(3)).result()
    assert value == pytest.approx(Statevector(circuit).expectation_value(neighbours(3)).real, abs=1e-12)


def test_an_evolution_is_its_product_formula_wherever_it_is_cut(runner):
    terms = SparsePauliOp(["XX", "ZI", "IY"], [0.3, 0.9, 0.5])
    circuit = QuantumCircuit(3)
    circuit.h([0, 2])
    circuit.append(PauliEvolutionGate(terms, time=1.0), [0, 1])
    circuit.append(PauliEvolutionGate(terms, time=1.0), [1, 2])
    value = Statevector(circuit.decompose(reps=3)).expectation_value(SparsePauliOp("YYZ")).real
    ways = [Cuts(), Cuts((2,)), Cuts((3,)), Cuts((2, 3)), Cuts((), (WireCut(3, 1),)), find_cuts(circuit, 2).best.cuts]

    assert [runner.expectation(circuit, cuts, "YYZ").result() for cuts in ways] == pytest.approx([value] * 6, abs=1e-9)


def test_idle_qubits_are_in_state_0(runner):
    circuit = QuantumCircuit(4)
    circuit.ry(0.3, 0)
    circuit.cx(0, 2)
    strings = SparsePauliOp(["ZIIZ", "XIII", "ZZZZ", "IIII"], [1, 1, 1, 1])
    value = runner.expectation(circuit, Cuts(gates=(1,)), strings).result()
    assert value == pytest.approx(Statevector(circuit).expectation_value(strings).real, abs=1e-12)
    found = runner.probabilities(circuit, Cuts(gates=(1,)), [3, 2]).result()
    assert found == pytest.approx(Statevector(circuit).probabilities([3, 2]), abs=1e-12)


def test_nothing_but_idle_qubits_needs_no_task(inline):
    empty = QuantumCircuit(2)
    assert inline.runner().expectation(empty, Cuts(), ["ZZ", "XI"]).result().tolist() == [1, 0]
    assert inline.runner().probabilities(empty, Cuts()).result().tolist() == [1, 0, 0, 0]
    assert inline.seen == []


def test_all_observables_come_from_one_run_of_each_fragment(inline):
    circuit = clustered(8, 2, 5, 2)
    observables = [[neighbours(8), last_z(8)], [random_sum(1, 8), random_sum(2, 8)]]
    values = inline.runner().expectation(circuit, halves(circuit), observables).result()
    assert values.shape == (2, 2)
    assert len(inline.seen) == len(cut_circuit(circuit, halves(circuit)).fragments)


def test_measurements_at_the_end_do_not_matter(runner):
    circuit = clustered(6, 2, 4, 2)
    cuts = halves(circuit)
    before = runner.expectation(circuit, cuts, last_z(6)).result()
    circuit.measure_all()
    assert runner.expectation(circuit, cuts, last_z(6)).result() == before


def test_observables_of_another_width_are_refused(runner):
    with pytest.raises(CircuitError, match="5 qubits wide, but the circuit has 6"):
        runner.expectation(clustered(6), Cuts(), neighbours(5))


@pytest.mark.parametrize("qubits", [[0, 0], [6]])
def test_outcomes_of_qubits_that_do_not_exist_are_refused(runner, qubits):
    with pytest.raises(CircuitError, match="distinct, from 0 to 5"):
        runner.probabilities(clustered(6), Cuts(), qubits)


def test_too_many_outcomes_are_refused_with_their_number(runner):
    circuit = QuantumCircuit(30)
    circuit.h(range(30))
    with pytest.raises(CircuitTooLargeError, match=r"2\^30 outcomes .* at most 2\^26"):
        runner.probabilities(circuit, Cuts())
    assert runner.probabilities(circuit, Cuts(), [29, 3]).result() == pytest.approx([0.25] * 4)


def test_samples_follow_the_distribution_and_repeat_for_a_seed(runner):
    circuit = clustered(6, 2, 4, 2)
    cuts = halves(circuit)
    one, same, other = (runner.samples(circuit, cuts, shots=20_000, seed=seed).result() for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    exact = {format(i, "06b"): p for i, p in enumerate(Statevector(circuit).probabilities()) if p > 1e-12}
    seen = {format(i, "06b"): int(count) for i, count in zip(*np.unique(one, return_counts=True), strict=True)}
    assert impossible_outcomes(seen, exact) == []
    assert total_variation(seen, exact) <= total_variation_bound(exact, 20_000)
    assert set(runner.samples(circuit, cuts, shots=50, qubits=[4], seed=1).result()) <= {0, 1}


@pytest.mark.parametrize("seed", range(6))
def test_a_heavy_fragment_is_run_in_slices_with_the_same_values(inline, monkeypatch, seed):
    circuit, cuts = random_cut_circuit(seed, 8, 2, 2, 1)
    observables = [random_sum(seed, 8), neighbours(8)]
    whole = inline.runner().expectation(circuit, cuts, observables).result()
    fragments, inline.seen[:] = len(inline.seen), []
    monkeypatch.setattr(fragment_tasks, "SLICE_UPDATES", 2**8)
    monkeypatch.setattr(fragment_tasks, "MOST_OVERLAPS", 1000)
    assert inline.runner().expectation(circuit, cuts, observables).result() == pytest.approx(whole, abs=1e-12)
    assert len(inline.seen) > fragments


def test_a_fragment_that_no_pilot_holds_is_refused_before_anything_runs():
    small = Inline(memory=200 * 10**6)
    with pytest.raises(CircuitTooLargeError, match=r"fragment 0 \(24 qubits and 0 of 0 cuts\)"):
        small.runner().expectation(ghz(24), Cuts(), last_z(24))
    assert small.seen == []


def test_too_many_cuts_are_refused_with_the_size_of_what_they_make(runner):
    circuit = QuantumCircuit(2)
    for _ in range(14):
        circuit.rx(0.3, [0, 1])
        circuit.cx(0, 1)
    with pytest.raises(CircuitTooLargeError, match="16384 variants"):
        runner.expectation(circuit, halves(circuit), [neighbours(2), last_z(2)])


def test_a_part_that_fails_names_its_fragment(inline):
    class Broken(Inline):
        def with_options(self, **options):
            return self

        def submit(self, fn, /, *args):
            return super().submit(lambda: 1 / 0)

    broken = Broken()
    with pytest.raises(Exception) as caught:  # noqa: PT011
        broken.runner().expectation(clustered(6), Cuts(), last_z(6)).result()
    assert str(PartKey(0, 0)) in caught.value.__notes__[0]
