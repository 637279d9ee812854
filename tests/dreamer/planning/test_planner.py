"""Which way the planner chooses, and what it says of the others."""

from __future__ import annotations

from dataclasses import replace
from math import log
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Parameter, QuantumCircuit

import pilot_quantum as pq
from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.meetings import Widths, bounds
from pilot_quantum.circuit.schmidt_ranks import follow
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.planning.data import PlanData
from pilot_quantum.dreamer.planning.explanation import seconds_of
from pilot_quantum.dreamer.planning.planner import KINDS, examine, plan
from pilot_quantum.dreamer.planning.question import question_of
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import (
    CalibrationError,
    CircuitError,
    CircuitTooLargeError,
    InvalidDescriptionError,
    UnsatisfiableError,
)
from pilot_quantum.resource.profile import Rates, ResourceProfile, Surprise

GIB = 2**30
BOTH = (ResourceProfile("local-1", 1, 2, 0, 0, 16 * GIB, frozenset({"simulator", "lightning"})),)


def clusters(qubits, depth=10, bridges=2, angle=0.3):
    """Two groups of qubits that lie scattered, dense within and with few gates between them."""
    circuit, half, draw = QuantumCircuit(qubits), qubits // 2, Random(1)
    order = draw.sample(range(qubits), qubits)
    for layer in range(depth):
        for qubit in range(qubits):
            circuit.ry(angle + 0.1 * qubit + layer, qubit)
        for start in (0, half):
            pairs = draw.sample(order[start : start + half], half)
            for a, b in zip(pairs[::2], pairs[1::2], strict=False):
                circuit.cz(a, b)
        if layer < bridges:
            circuit.cx(order[half - 1], order[half])
    return circuit


def test_a_small_circuit_is_run_in_one_piece_and_no_cuts_are_looked_for(pilot):
    made = plan(qiskit_circuit(families.efficient_su2(8, 2, seed=1)), "Z7", [pilot()])

    assert made.best.method == "lightning"
    assert not any(candidate.method == "cut" for candidate in made.candidates)
    assert any("cuts were not looked for" in note for note in made.notes)


def test_notes_name_the_best_candidate_with_the_seconds_that_the_table_shows(pilot):
    made = plan(qiskit_circuit(families.efficient_su2(8, 2, seed=1)), "Z7", [pilot()])

    likely, high = seconds_of(made.best.prediction.seconds), seconds_of(made.best.prediction.high)
    notes = [note for note in made.notes if "is reckoned with" in note]
    assert notes
    assert all(f"what {made.best.name} is reckoned with, " in note for note in notes)
    assert all(note.endswith(f"({likely} likely, up to {high})") for note in notes)


def test_cuts_are_not_looked_for_where_they_have_taken_much_longer_than_thought(pilot):
    slow = tuple(Surprise("cut", ("local-1",), octave, log(4.0), 16) for octave in range(-10, 0))
    usual, slowed = (
        plan(clusters(19), "Z" * 19, [replace(pilot(), surprises=surprises)], probe=None) for surprises in ((), slow)
    )

    assert any(candidate.method == "cut" for candidate in usual.candidates)
    assert not any(candidate.method == "cut" for candidate in slowed.candidates)
    assert any("cuts were not looked for" in note for note in slowed.notes)


def test_clusters_with_few_bridges_are_cut(pilot):
    made = plan(clusters(22), "Z" * 22, [pilot()], probe=None)

    assert made.best.method == "cut"
    assert sum(made.best.widths) <= 22
    assert max(made.best.widths) <= 12
    assert made.best.prediction.seconds < made.using("cone+lightning").best.prediction.seconds


def test_a_state_that_no_pilot_can_hold_is_refused_with_both_figures(pilot):
    made = plan(clusters(36, depth=4), "Z" * 36, [pilot(memory=2 * GIB)])

    refused = made.using("lightning").best.refused
    assert "2.5 TiB" in refused
    assert "2 GiB" in refused
    assert not made.best.refused


def test_where_nothing_fits_the_error_names_the_nearest_and_what_it_would_take(pilot):
    circuit = qiskit_circuit(families.brickwork(60, 60, seed=1))

    with pytest.raises(CircuitTooLargeError, match=r"60 qubits.*TiB.*4 GiB"):
        plan(circuit, "Z30", [pilot(memory=4 * GIB)])


def test_many_narrow_terms_are_run_apart(pilot):
    circuit = qiskit_circuit(families.tfim(60, 2, 0.4))

    made = plan(circuit, " + ".join(f"Z{q}" for q in range(60)), [pilot()], thorough=True)

    apart = made.using("terms+lightning").best
    assert not apart.refused
    assert len(apart.parts) > 10
    assert sorted(term for part in apart.parts for term in part) == list(range(60))


def test_a_wide_clifford_circuit_goes_to_stabilisers(pilot):
    made = plan(qiskit_circuit(families.ghz(80)), "Z0 Z79", [pilot()])

    assert made.best.method == "aer-stabilizer"


def test_a_wide_chain_goes_to_a_matrix_product_state(pilot):
    made = plan(qiskit_circuit(families.efficient_su2(60, 2, seed=1)), "Z59", [pilot()])

    assert made.best.method == "aer-mps"


def test_what_a_pilot_takes_at_most_makes_cuts_necessary(pilot):
    made = plan(clusters(12), "Z" * 12, [pilot(widest=9)])

    assert made.best.method == "cut"
    assert "9" in made.using("lightning").best.refused


def test_aer_is_weighed_beside_lightning_only_where_that_takes_little_of_the_best(pilot):
    circuit = qiskit_circuit(families.efficient_su2(12, 6, seed=1))  # 2 ms, and nobody looks for cuts
    short, thorough = plan(circuit, "Z" * 12, [pilot()]), plan(circuit, "Z" * 12, [pilot()], thorough=True)
    worth = plan(qiskit_circuit(families.efficient_su2(20, 10, seed=1)), "Z" * 20, [pilot()], probe=None)

    assert not any(candidate.method == "aer-statevector" for candidate in short.candidates)
    assert any("Aer was not weighed" in note for note in short.notes)
    assert any(candidate.method == "aer-statevector" for candidate in thorough.candidates)
    assert any(candidate.method == "aer-statevector" for candidate in worth.candidates)


def test_without_lightning_aer_is_the_simulator(pilot):
    made = plan(clusters(20), "Z" * 20, [pilot(lightning=False)])

    assert {candidate.method for candidate in made.candidates} <= {"aer-statevector", "aer-mps", "cut"}
    assert all(one.simulator == "aer-statevector" for one in made.candidates if one.method == "cut")


def test_two_workers_share_what_can_be_shared(pilot):
    circuit = clusters(30)

    one, two = (plan(circuit, "Z" * 30, [pilot(cores=cores)]).best for cores in (1, 2))

    assert two.prediction.seconds < one.prediction.seconds


def test_angles_do_not_change_a_plan(pilot):
    plans = [plan(clusters(20, angle=angle), "Z0", [pilot()], probe=None, thorough=True) for angle in (0.3, 0.7)]

    one, other = ({each.name: lasting(each) for each in made.candidates} for made in plans)
    assert one == other
    assert not any(candidate.of_angles for candidate in plans[0].candidates)


def test_what_a_probe_has_decided_holds_for_these_angles_alone(pilot):
    made = plan(clusters(20), "Z" * 20, [pilot()], thorough=True)

    assert [candidate.method for candidate in made.candidates if candidate.of_angles] == ["aer-mps"]


def test_a_fixed_strategy_is_the_only_one_weighed(pilot):
    question = question_of(clusters(20), "Z" * 20)

    assert {one.method for one in examine(question, [pilot()], "cut").candidates} == {"cut"}
    assert [one.name for one in examine(question, [pilot()], "cone+aer").candidates] == ["cone+aer"]
    assert {one.method for one in examine(question, [pilot()], "mps").candidates} == {"aer-mps"}


def test_pruning_where_nothing_can_be_pruned_is_no_error(pilot):
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, range(3))
    question = question_of(circuit, "ZZZ")

    assert [one.name for one in examine(question, [pilot()], "cone+aer").candidates] == ["aer"]


def test_every_candidate_can_be_settled_for_by_its_name(pilot):
    question = question_of(qiskit_circuit(families.tfim(17, 2, 0.4)), ["Z0 Z1 + Z7 Z8", "X16"])

    for candidate in examine(question, [pilot()], thorough=True).candidates:
        settled = examine(question, [pilot()], candidate.name).best
        assert settled.name == candidate.name or (candidate.name in KINDS and settled.method == candidate.method)


def test_a_strategy_that_does_not_exist_is_named_with_the_nearest(pilot):
    with pytest.raises(InvalidDescriptionError, match=r"'lightening'.*Did you mean 'lightning'"):
        examine(question_of(clusters(6), "Z0"), [pilot()], "lightening")


@pytest.mark.parametrize("circuit", ["x", None, 5])
def test_what_is_no_circuit_is_refused(pilot, circuit):
    with pytest.raises(CircuitError, match=r"is no circuit but an? .*; give a qiskit\.QuantumCircuit"):
        plan(circuit, "Z0", [pilot()])


def test_one_pilot_need_not_be_in_a_list(pilot):
    assert plan(clusters(6), "Z0", pilot()).resources == plan(clusters(6), "Z0", [pilot()]).resources == (pilot(),)


@pytest.mark.parametrize("resources", [None, "local://", 3, ["local://?cores=2"], [None]])
def test_what_is_no_pilot_is_refused(resources):
    with pytest.raises(
        InvalidDescriptionError, match=r"resources: .* not what a pilot has\. Give session\.resources\(\)"
    ):
        plan(clusters(6), "Z0", resources)


def test_rates_without_all_terms_are_an_error_that_says_to_calibrate(pilot):
    some = replace(pilot(), rates=(Rates("lightning", {"fixed": 1e-4}, 1.2),))
    with pytest.raises(
        CalibrationError, match=r"rates of 'lightning' of pilot 'local-1' have no term .*Calibrate again"
    ):
        plan(clusters(6), "Z0", [some])


def test_without_pilots_there_is_nothing_to_plan_for():
    with pytest.raises(UnsatisfiableError, match="add_pilot"):
        plan(clusters(6), "Z0", [])


def test_where_a_pilots_width_is_the_limit_more_memory_is_not_what_helps(pilot):
    chain = QuantumCircuit(4)
    for qubit in range(3):
        chain.ry(0.3, qubit)
        chain.cx(qubit, qubit + 1)
        chain.rx(0.2, qubit + 1)
    with pytest.raises(
        CircuitTooLargeError, match=r"takes circuits of 4 qubits: the widest of these is limited to 1"
    ) as no:
        plan(chain, "ZZZZ", [pilot(widest=1)])
    assert "more memory" not in str(no.value)


def test_without_a_simulator_the_error_says_what_to_install():
    bare = ResourceProfile("local-1", 1, 2, 0, 0, GIB, frozenset())
    with pytest.raises(UnsatisfiableError, match=r"pilot-quantum\[qiskit\]"):
        plan(clusters(6), "Z0", [bare])


def test_parameters_must_have_values(pilot):
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("theta"), 0)
    with pytest.raises(CircuitError, match="theta"):
        plan(circuit, "Z0", [pilot()])


def test_classical_control_is_refused_with_its_place(pilot):
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    with pytest.raises(CircuitError, match="control flow"):
        plan(circuit, "Z1", [pilot()])


@pytest.mark.parametrize("observable", ["Z8", "ZZZ"])
def test_an_observable_must_fit(pilot, observable):
    with pytest.raises(CircuitError, match="6 qubits"):
        plan(clusters(6), observable, [pilot()])


def test_a_probe_is_asked_only_in_doubt_and_decides(pilot):
    circuit = qiskit_circuit(families.brickwork(22, 22, seed=1))
    asked = []

    def tangled(followed, patience):
        asked.append((followed.num_qubits, patience.seconds))
        return bounds(read_skeleton(followed))

    def bare(followed, patience):
        found = bounds(read_skeleton(followed))
        return Widths(tuple(((0.0, 0.0),) * len(step) for step in found.sides), (0.0,) * len(found.bonds))

    in_doubt = plan(circuit, "Z11", [pilot()], probe=None)
    by_tangled = plan(circuit, "Z11", [pilot()], probe=tangled)
    by_bare = plan(circuit, "Z11", [pilot()], probe=bare)

    assert len(asked) == 1
    assert 0 < asked[0][1] < in_doubt.best.prediction.high
    assert by_tangled.best.method != "aer-mps"
    assert by_bare.best.method == "aer-mps"
    plan(qiskit_circuit(families.efficient_su2(8, 2, seed=1)), "Z7", [pilot()], probe=tangled)
    assert len(asked) == 1


def test_a_fourier_transform_of_a_product_state_is_seen_to_entangle_little(pilot):
    circuit = QuantumCircuit(24)
    for qubit in range(24):
        circuit.ry(0.3 * (qubit + 1), qubit)
    for low in range(23, -1, -1):
        circuit.h(low)
        for high in range(low - 1, -1, -1):
            circuit.cp(3.14159 / 2 ** (low - high), high, low)

    assert plan(circuit, "Z" * 24, [pilot()], probe=None).best.method != "aer-mps"

    def patient(followed, patience):
        return follow(followed, replace(patience, seconds=120.0))

    assert plan(circuit, "Z" * 24, [pilot()], probe=patient).best.method == "aer-mps"


def test_a_matrix_product_state_is_refused_where_it_would_drop_what_is_asked_about(pilot):
    circuit = QuantumCircuit(40)
    for qubit in range(39):
        circuit.rxx(0.4 if qubit else 1.49e-8, qubit, qubit + 1)

    with pytest.raises(UnsatisfiableError, match=r"1\.5e-08 off.*another strategy"):
        examine(question_of(circuit, "X0 Y1"), [pilot()], "mps")


def lasting(candidate):
    """What the same question gives each time: all but what looking for its cuts has taken."""
    terms = {name: seconds for name, seconds in candidate.prediction.terms.items() if name != "find.taken"}
    return msgspec.structs.replace(candidate, prediction=Prediction(0.0, 0.0, 0.0, terms=terms))


def test_a_plan_can_be_made_again_for_each_of_its_candidates(pilot):
    made = plan(clusters(18), "Z" * 18, [pilot()], thorough=True)

    for candidate in made.candidates:
        again = made.redone(candidate.name)
        assert lasting(again.best) == lasting(candidate)
        assert again.question is not made.question


def test_an_unknown_candidate_is_named_with_the_nearest(pilot):
    with pytest.raises(InvalidDescriptionError, match="lightning"):
        plan(clusters(6), "Z0", [pilot()]).using("lightnin")


def test_the_explanation_lists_every_candidate_and_the_choice(pilot):
    made = plan(clusters(20), "Z" * 20, [pilot(memory=150 * 2**20)], thorough=True)

    text = made.explain()

    assert all(candidate.name in text for candidate in made.candidates)
    assert all(candidate.refused in text for candidate in made.candidates)
    assert "dreamer calibrate" in text
    assert any(line.split()[:1] == ["chosen"] and made.best.name in line for line in text.splitlines())


def test_a_plan_is_data(pilot):
    made = plan(clusters(20), ["Z0", "X1 + 0.5*Z2"], [pilot()], thorough=True)

    data = made.as_data()

    assert msgspec.json.decode(msgspec.json.encode(data), type=PlanData) == data
    assert data.best in data.front


def test_a_plan_can_be_drawn(pilot, tmp_path):
    pytest.importorskip("matplotlib")
    made = plan(clusters(20), "Z0", [pilot()], thorough=True)

    made.plot(tmp_path / "plan.svg")

    assert all(candidate.name in (tmp_path / "plan.svg").read_text() for candidate in made.candidates)


def test_the_public_face_is_the_planner():
    assert pq.dreamer.plan is plan


@settings(max_examples=40, deadline=None)
@given(data=st.data(), thorough=st.booleans())
def test_names_differ_and_nothing_beats_what_is_chosen(data, thorough):
    qubits = data.draw(st.integers(2, 18))
    circuit = QuantumCircuit(qubits)
    for _ in range(data.draw(st.integers(1, 40))):
        a, b = data.draw(st.permutations(range(qubits)))[:2]
        getattr(circuit, data.draw(st.sampled_from(["cx", "cz", "swap"])))(a, b)
        circuit.rx(0.3, a)
    observable = data.draw(st.sampled_from(["Z0", "X0 + Z1", "Z0 Z1 + 0.3*X1"]))

    made = plan(circuit, observable, BOTH, thorough=thorough)

    names = [candidate.name for candidate in made.candidates]
    allowed = [candidate.prediction for candidate in made.candidates if not candidate.refused]
    assert len(set(names)) == len(names)
    assert made.best in made.candidates
    assert not made.best.refused
    assert made.best.prediction.seconds <= min(one.high for one in allowed)
    for front in made.front:
        others = [one for one in made.candidates if not one.refused and one is not front]
        assert not any(other.no_worse(front) and not front.no_worse(other) for other in others)
