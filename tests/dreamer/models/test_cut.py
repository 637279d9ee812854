"""What a cut circuit is predicted to take, against what really is handed over for it."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from benchmarks.cut_circuits import FAMILIES, clustered, neighbours
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from tests.workload.cutting.inline import Inline
from tests.workload.cutting.random_circuits import random_cut_circuit, random_sum

from pilot_quantum.circuit import contraction, fragment_tasks
from pilot_quantum.circuit.choi import choi_circuit, choi_skeleton
from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import LARGE, Cut, CutCost, returning, subexperiments
from pilot_quantum.dreamer.models.state_vector import StateVector
from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.workload.cutting.fleet import Fleet

MODEL = Cut(ASSUMED["cut"], StateVector(ASSUMED["aer-statevector"]))


class Recorder(Inline):
    """A submitter that runs nothing and keeps what it was asked."""

    def submit(self, fn, /, *args):
        self.seen.append((self.options.needs[0].needs.memory, fn.__name__, args[0]))
        return Future()

    def with_options(self, **options):
        return Recorder(self.memory, self.options.changed(**options), self.seen)


def letters_in(observables):
    """The distinct strings of these sums, as letters by qubit."""
    labels = dict.fromkeys(label for each in observables for label in each.paulis.to_labels())
    return [{q: letter for q, letter in enumerate(reversed(label)) if letter != "I"} for label in labels]


def predicted(circuit, cuts, observables) -> CutCost:
    letters = letters_in(observables)
    return MODEL.cost(observed(cut_circuit(circuit, cuts), {qubit for term in letters for qubit in term}), letters)


def submitted(circuit, cuts, observables):
    """(qubits, memory) of every task that the runner hands over."""
    recorder = Recorder()
    recorder.runner().expectation(circuit, cuts, observables)
    return sorted((work.shape.width + work.shape.ancillas, memory) for memory, _, work in recorder.seen)


def each(cost: CutCost):
    return [cost.prepare, cost.finish, *(part.prediction for part in cost.parts)]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    qubits=st.integers(2, 9),
    gates=st.integers(0, 3),
    wires=st.integers(0, 2),
    small=st.booleans(),
)
def test_there_is_a_part_for_each_task_with_its_qubits_and_its_memory(seed, qubits, gates, wires, small):
    circuit, cuts = random_cut_circuit(seed, qubits, 2, gates, wires)
    observables = [random_sum(seed % 1000 + i, qubits) for i in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        if small:  # so that narrow fragments are run in slices, or in several blocks of strings
            patch.setattr(fragment_tasks, "SLICE_UPDATES", 2**9)
            patch.setattr(fragment_tasks, "UPDATES_PER_UNIT", 2**4)
        cost = predicted(circuit, cuts, observables)
        assert sorted((part.qubits, part.memory) for part in cost.parts) == submitted(circuit, cuts, observables)
    for prediction in each(cost):
        assert 0 <= prediction.low <= prediction.seconds <= prediction.high
        assert min(prediction.terms.values(), default=0) >= 0
        assert sum(prediction.terms.values()) == pytest.approx(prediction.seconds)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), wires=st.integers(0, 2), fixed=st.integers(0, 2))
def test_the_skeleton_of_a_fragments_circuit_is_known_without_making_it(seed, wires, fixed):
    cut = cut_circuit(*random_cut_circuit(seed, 6, 2, 2, wires))
    for fragment in cut.fragments:
        terms = fragment_tasks.leg_terms(fragment, cut.links)
        chosen = [int(i) for i in np.random.default_rng(seed).integers(terms)][: min(fixed, len(terms))]
        expected = read_skeleton(choi_circuit(fragment, cut.links, chosen))
        assert choi_skeleton(fragment, cut.links, chosen) == expected


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 8))
def test_more_strings_never_cost_less(seed, count):
    circuit, cuts = random_cut_circuit(seed, 8, 2, 2, 1)
    cut = cut_circuit(circuit, cuts)
    letters = letters_in([random_sum(seed % 1000, 8, 9)])
    few, many = (MODEL.cost(cut, letters[:some]) for some in (count, count + 1))
    assert few.prepare.seconds <= many.prepare.seconds
    assert few.finish.seconds <= many.finish.seconds
    assert sum(p.prediction.seconds for p in few.parts) <= sum(p.prediction.seconds for p in many.parts) * (1 + 1e-12)


def test_cuts_save_where_fragments_are_narrow_and_links_few():
    circuit = clustered(24, 2, 12, 3)
    cuts = find_cuts(circuit, 12).best.cuts
    cost = predicted(circuit, cuts, [neighbours(24)])
    assert sum(one.seconds for one in each(cost)) < MODEL.simulator.predict(read_skeleton(circuit)).seconds / 10


def test_what_the_runner_would_refuse_is_refused_with_the_same_words():
    circuit = QuantumCircuit(2)
    for _ in range(14):
        circuit.rx(0.3, [0, 1])
        circuit.cx(0, 1)
    cuts = Cuts(gates=tuple(i for i, inst in enumerate(circuit.data) if inst.name == "cx"))
    observables = [SparsePauliOp(["ZZ", "XI", "IX"])]
    with pytest.raises(CircuitTooLargeError, match="fragment 0 has 16384 variants") as caught:
        predicted(circuit, cuts, observables)
    with pytest.raises(CircuitTooLargeError) as other:
        Inline().runner().expectation(circuit, cuts, observables)
    assert str(other.value) == str(caught.value)


def test_overlaps_of_any_size_are_refused_in_words():
    with pytest.raises(CircuitTooLargeError, match=r"take 2\^\d+ GiB"):
        contraction.check_overlaps(0, 2**600, 3)


def test_a_contraction_that_is_too_large_is_refused(monkeypatch):
    circuit = clustered(12, 3, 6, 5)
    monkeypatch.setattr(contraction, "MOST_BYTES", 2**3)
    monkeypatch.setattr("pilot_quantum.dreamer.models.cut.check_overlaps", lambda *_: None)
    with pytest.raises(CircuitTooLargeError, match="putting 3 fragments together takes a tensor of"):
        predicted(circuit, find_cuts(circuit, 4).best.cuts, [neighbours(12)])


def test_what_is_moved_to_put_fragments_together_is_counted_step_by_step():
    # The first two make a tensor over the third index, which the last takes away: 24 + 6 + 4, 4 + 4 + 1.
    order = contraction.contraction([[0, 1, 2], [0, 1], [2]], [(2, 3, 4), (2, 3), (4,)], ())
    assert order.entries == 43


def test_a_large_result_takes_longer_by_the_byte():
    assert returning(1000) == {"back": 1000, "large": 0}
    assert returning(LARGE + 1000) == {"back": LARGE + 1000, "large": 1000}


def test_nothing_but_idle_qubits_needs_no_part():
    cost = predicted(QuantumCircuit(3), Cuts(), [SparsePauliOp(["ZZI", "III"])])
    assert cost.parts == ()
    assert submitted(QuantumCircuit(3), Cuts(), [SparsePauliOp(["ZZI", "III"])]) == []


@pytest.mark.parametrize("family", ["esu2", "tfim", "ghz"])
def test_subexperiments_are_at_least_those_that_sampling_runs(family):
    circuit = FAMILIES[family](8)
    cuts = find_cuts(circuit, 5).best.cuts
    letters = letters_in([neighbours(8)])
    cut = observed(cut_circuit(circuit, cuts), range(8))
    from pilot_quantum.workload.cutting.observables import pauli_sums
    from pilot_quantum.workload.cutting.sampled import SampledExpectation

    inline = Inline()
    works = [one for (one,) in Fleet(inline, inline.resources, lambda *_: None).works(cut, None)]
    run = SampledExpectation(cut, works, pauli_sums([neighbours(8)], 8), 10**6, 1)
    ran = sum(1 for _ in run._runs)
    assert ran <= subexperiments(cut, letters) <= 2 * ran
