"""Every candidate is checked by replaying the circuit with its cuts, with no help from the finder."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.cuts import WireCut
from pilot_quantum.circuit.finding import Candidate, find_cuts
from pilot_quantum.circuit.interactions import Interaction, Interactions
from pilot_quantum.errors import CircuitError, CutError, InvalidDescriptionError, UnsatisfiableError

KINDS = ((9.0, 2), (49.0, 4), (1.5, 2), (3.2, 2), (1.0, 1))


@st.composite
def circuits(draw, most_qubits: int = 9, most_gates: int = 24) -> Interactions:
    """Random gates on random pairs; instruction indices have gaps, as one-qubit gates leave them."""
    size = draw(st.integers(2, most_qubits))
    pairs = st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
    gates = draw(st.lists(st.tuples(pairs, st.sampled_from(KINDS), st.integers(1, 3)), max_size=most_gates))
    index, found = 0, []
    for (first, second), (overhead, terms), gap in gates:
        index += gap
        found.append(Interaction(index, first, second, overhead, terms))
    busy = {qubit for gate in found for qubit in (gate.first, gate.second)}
    return Interactions(size, tuple(sorted(busy | set(draw(st.sets(st.integers(0, size - 1)))))), tuple(found))


def fragment_widths(circuit: Interactions, candidate: Candidate) -> list[int]:
    """Replays the gates: a new segment of a wire at each cut, segments joined by gates that are not cut."""
    cut_gates, cut_wires = set(candidate.cuts.gates), set(candidate.cuts.wires)
    segment = {qubit: (qubit, 0) for qubit in circuit.used}
    leader = {each: each for each in segment.values()}

    def top(each):
        return each if leader[each] == each else top(leader[each])

    for gate in circuit.gates:
        for qubit in (gate.first, gate.second):
            if WireCut(gate.index, qubit) in cut_wires:
                cut_wires.remove(WireCut(gate.index, qubit))
                segment[qubit] = (qubit, segment[qubit][1] + 1)
                leader[segment[qubit]] = segment[qubit]
        if gate.index in cut_gates:
            cut_gates.remove(gate.index)
        else:
            leader[top(segment[gate.first])] = top(segment[gate.second])
    assert not cut_gates, "a cut names an instruction that is no gate"
    assert not cut_wires, "a cut names a wire that its instruction does not act on"
    tops = [top(each) for each in leader]
    return sorted((tops.count(each) for each in set(tops)), reverse=True)


def overhead(circuit: Interactions, candidate: Candidate) -> float:
    gates = {gate.index: gate.overhead for gate in circuit.gates}
    return math.prod(gates[index] for index in candidate.cuts.gates) * 16.0 ** len(candidate.cuts.wires)


def least_by_gate_cuts(circuit: Interactions, width: int) -> float:
    """Every partition of the qubits, by brute force."""
    best = math.inf
    qubits = list(circuit.used)
    for labels in itertools.product(range(len(qubits)), repeat=len(qubits)):
        if any(label > max(labels[:place], default=-1) + 1 for place, label in enumerate(labels)):
            continue
        if max(labels.count(label) for label in set(labels)) > width:
            continue
        part = dict(zip(qubits, labels, strict=True))
        best = min(best, math.prod(g.overhead for g in circuit.gates if part[g.first] != part[g.second]))
    return best


@given(circuit=circuits(), width=st.integers(1, 9), effort=st.integers(0, 2))
def test_every_candidate_fits_and_costs_what_it_says(circuit: Interactions, width: int, effort: int):
    findings = find_cuts(circuit, width, effort=effort)
    for candidate in (*findings.candidates, findings.gate_cut):
        assert list(candidate.widths) == fragment_widths(circuit, candidate)
        assert max(candidate.widths, default=0) <= width
        assert candidate.overhead == pytest.approx(overhead(circuit, candidate))
        assert candidate.places == (width,) * candidate.fragments
    assert not findings.gate_cut.cuts.wires
    assert findings.best.overhead <= findings.gate_cut.overhead * (1 + 1e-9)


@given(circuit=circuits(), width=st.integers(1, 9))
def test_no_candidate_beats_another(circuit: Interactions, width: int):
    found = find_cuts(circuit, width).candidates
    assert [each.overhead for each in found] == sorted(each.overhead for each in found)
    for one, other in itertools.permutations(found, 2):
        better = (one.overhead, one.amplitudes, one.fragments), (other.overhead, other.amplitudes, other.fragments)
        assert any(mine < theirs for mine, theirs in zip(*better, strict=True))


@settings(max_examples=40)
@given(circuit=circuits(6, 12), width=st.integers(1, 5))
def test_a_proof_is_what_brute_force_says(circuit: Interactions, width: int):
    proved = find_cuts(circuit, width, prove_seconds=60).gate_cut
    assert proved.proved
    assert proved.overhead == pytest.approx(least_by_gate_cuts(circuit, width) if circuit.used else 1.0)
    assert proved.overhead <= find_cuts(circuit, width).gate_cut.overhead * (1 + 1e-9)


@given(circuit=circuits(), seed=st.integers(0, 5))
def test_a_seed_decides_everything(circuit: Interactions, seed: int):
    assert find_cuts(circuit, 4, seed=seed) == find_cuts(circuit, 4, seed=seed)


@given(circuit=circuits(), narrow=st.integers(1, 4), wide=st.integers(4, 9))
def test_of_two_types_each_fragment_goes_to_the_narrowest_that_it_fits(circuit: Interactions, narrow: int, wide: int):
    for candidate in find_cuts(circuit, [wide, narrow]).candidates:
        expected = [narrow if width <= narrow else wide for width in fragment_widths(circuit, candidate)]
        assert list(candidate.places) == expected
        assert max(candidate.widths, default=0) <= wide


@given(circuit=circuits(), wide=st.integers(3, 6), count=st.integers(1, 2), base=st.integers(1, 2))
def test_limited_workers_are_never_overbooked(circuit: Interactions, wide: int, count: int, base: int):
    for candidate in find_cuts(circuit, {wide: count, base: None}).candidates:
        widths = fragment_widths(circuit, candidate)
        assert list(candidate.widths) == widths
        assert all(width <= place for width, place in zip(widths, candidate.places, strict=True))
        alone = len(circuit.used) - len({q for gate in circuit.gates for q in (gate.first, gate.second)})
        taken = sum(width for width, place in zip(widths, candidate.places, strict=True) if place == wide)
        assert taken <= wide * count + alone


def chain(qubits: int, gate: float = 9.0) -> Interactions:
    gates = tuple(Interaction(place, place, place + 1, gate, 2) for place in range(qubits - 1))
    return Interactions(qubits, tuple(range(qubits)), gates)


def test_a_circuit_that_fits_is_best_not_cut():
    best = find_cuts(chain(6), 6).best
    assert not best.cuts
    assert (best.overhead, best.widths, best.amplitudes, best.proved) == (1.0, (6,), 64.0, True)


def test_a_circuit_that_fits_is_also_offered_in_narrower_fragments():
    offered = find_cuts(chain(20), 20).candidates
    assert [each.fragments for each in offered] == [1, 2, 3]
    assert [each.overhead for each in offered] == pytest.approx([1, 9, 81])


def test_two_circuits_side_by_side_need_no_cut():
    gates = tuple(Interaction(qubit, qubit, qubit + 1, 9.0, 2) for qubit in (0, 1, 3, 4))
    assert find_cuts(Interactions(6, tuple(range(6)), gates), 3).best.widths == (3, 3)


def test_an_idle_qubit_takes_no_place_and_one_with_gates_of_its_own_is_a_fragment():
    ends = chain(4)
    found = find_cuts(Interactions(9, (0, 1, 2, 3, 7), ends.gates), 2).best
    assert found.widths == (2, 2, 1)
    assert found.overhead == pytest.approx(9)


def test_a_circuit_without_two_qubit_gates_needs_no_cut():
    assert find_cuts(Interactions(3, (0, 2), ()), 1).best.widths == (1, 1)
    assert find_cuts(Interactions(3, (), ()), 1).best.widths == ()


def test_a_chain_whose_numbers_are_shuffled_is_found_in_its_order():
    order = np.random.default_rng(3).permutation(30)
    gates = tuple(Interaction(i, int(order[i]), int(order[i + 1]), 9.0, 2) for i in range(29))
    assert find_cuts(Interactions(30, tuple(range(30)), gates), 10).best.overhead == pytest.approx(81)


def test_where_gates_are_dear_the_wire_between_them_is_cut():
    gates = tuple(Interaction(i, q, q + 1, 49.0, 4) for i, q in enumerate((0, 0, 1, 1, 2, 2)))
    found = find_cuts(Interactions(4, (0, 1, 2, 3), gates), 3)
    assert (len(found.best.cuts.wires), len(found.best.cuts.gates)) == (1, 0)
    assert found.best.overhead == 16
    assert found.gate_cut.overhead == pytest.approx(49**2)
    assert not find_cuts(Interactions(4, (0, 1, 2, 3), gates), 3, wires=False).best.cuts.wires


def test_unequal_workers_that_run_at_the_same_time_are_used_as_they_are():
    found = find_cuts(chain(10), {7: 1, 3: 1}).best
    assert sorted(found.widths) == [3, 7]
    assert found.places == (7, 3)
    assert found.overhead == pytest.approx(9)


def test_too_few_workers_are_refused_with_what_is_missing():
    with pytest.raises(CutError, match=r"hold 8 qubits at a time; the circuit has gates on 10. Add workers for 2 more"):
        find_cuts(chain(10), {5: 1, 3: 1})


def test_an_overhead_that_cannot_be_met_is_refused_with_the_least_and_the_width_that_would_do():
    with pytest.raises(UnsatisfiableError, match=r"at most 10: the least found is 81. Workers of 6 qubits would do"):
        find_cuts(chain(12), 4, most_overhead=10)
    assert find_cuts(chain(12), 6, most_overhead=10).best.overhead == pytest.approx(9)


@pytest.mark.parametrize(
    "widths", [0, [], [3, -1], {}, {4: 0}, 2.5, None, "4", [2.5], [None], {2.5: 1}, {4: 1.5}, {4: "two"}]
)
def test_widths_that_cannot_be_meant_are_refused(widths):
    with pytest.raises(InvalidDescriptionError, match="widths"):
        find_cuts(chain(4), widths)


def test_widths_may_be_numpys_whole_numbers():
    assert find_cuts(chain(4), np.int64(2)).best == find_cuts(chain(4), 2).best


def test_a_gate_on_three_qubits_has_to_be_decomposed_even_where_the_circuit_fits():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    with pytest.raises(CircuitError, match=r"'ccx', acts on 3 qubits.*circuit\.decompose\(\), or qiskit\.transpile"):
        find_cuts(circuit, 3)
    assert not find_cuts(circuit.decompose(), 3).best.cuts


@pytest.mark.parametrize("circuit", ["x", None, 3])
def test_what_is_no_circuit_is_refused(circuit):
    with pytest.raises(CircuitError, match=r"is no circuit but an? .*; give a qiskit\.QuantumCircuit"):
        find_cuts(circuit, 3)
