from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from tests.dreamer.circuits import skeletons

from pilot_quantum.circuit import families
from pilot_quantum.circuit.meetings import Widths, bounds
from pilot_quantum.circuit.program import Program, gate
from pilot_quantum.circuit.skeleton import program_skeleton, read_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.mps import LEAST_FILL, OPENED, TAKEN, MatrixProductState
from pilot_quantum.dreamer.prediction import priced
from pilot_quantum.workload.flatten import MPS_BASIS, flatten_for_mps

MODEL = MatrixProductState(ASSUMED["aer-mps"])
CHAIN = program_skeleton(families.ghz(40))
TANGLE = program_skeleton(families.brickwork(24, 24, seed=1))


def whole(fill):
    return priced(MODEL.units(TANGLE, (), fill), MODEL.rates).seconds


def followed(gates, fill):
    """What a probe returns that came so far, where bonds are filled to this part of their bound."""
    found = bounds(TANGLE)
    sides = tuple(tuple((fill * left, fill * right) for left, right in step) for step in found.sides[:gates])
    return Widths(sides, tuple(fill * bits for bits in found.bonds))


@given(skeleton=skeletons(), fills=st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_fuller_bonds_cost_more(skeleton, fills):
    less, more = (priced(MODEL.units(skeleton, (), fill), MODEL.rates).seconds for fill in sorted(fills))
    assert less <= more * (1 + 1e-12)


@given(skeleton=skeletons(most_qubits=10))
def test_the_terms_add_up_and_the_range_holds_the_value(skeleton):
    found = MODEL.predict(skeleton, [{0: "Z"}])
    assert sum(found.terms.values()) == pytest.approx(found.seconds)
    assert found.low <= found.seconds <= found.high


def test_a_chain_is_cheap_at_any_width_and_needs_no_probe():
    found = MODEL.predict(CHAIN, probe=lambda _: pytest.fail("there is no doubt"))
    assert found.seconds < 0.1
    assert found.memory < 2**28


@pytest.mark.parametrize("fill", [0.5, 0.8])
def test_a_probe_narrows_what_the_structure_leaves_open(fill):
    open_ = MODEL.predict(TANGLE)

    found = MODEL.predict(TANGLE, probe=lambda _: followed(100, fill))

    assert whole(fill) < found.seconds < whole(1.0)
    assert found.high / found.low < open_.high / open_.low


def test_a_probe_that_came_to_the_end_leaves_no_doubt():
    found = MODEL.predict(TANGLE, probe=lambda _: followed(len(TANGLE), 0.5))

    assert found.seconds == pytest.approx(whole(0.5))
    assert found.high / found.low == pytest.approx(MODEL.rates.spread**2)


def test_a_probe_that_came_nowhere_changes_nothing():
    assert MODEL.predict(TANGLE, probe=lambda _: Widths((), ())) == MODEL.predict(TANGLE)


def test_a_string_is_read_by_the_bonds_that_there_are_at_the_end():
    skeleton, one = program_skeleton(families.ghz(4)), {0: "Z"}
    widths = Widths((((0.0, 0.0),),) * 3, (1.0, 2.0, 0.0))

    assert MODEL.units(skeleton, [one], widths=widths)["observe"] == 1 * 2 * 3 + 2 * 4 * 6 + 4 * 1 * 5 + 1 * 1 * 2
    assert MODEL.units(skeleton, [one] * 3, widths=widths)["observe"] == 3 * 76


def test_a_gate_on_three_qubits_makes_two_matrices():
    toffoli = program_skeleton(Program("toffoli", "toffoli", 3, (gate("ccx", 0, 1, 2),)))
    units = MODEL.units(toffoli)

    assert units["decomposition"] == 2
    assert units["entry"] == 2 * 4 + 4 * 2


@pytest.mark.parametrize("name", OPENED)
def test_gates_count_as_what_the_simulator_is_given_for_them(name):
    circuit = QuantumCircuit(2)
    circuit.append(get_standard_gate_name_mapping()[name], [0, 1])
    circuit = circuit.assign_parameters([0.3] * circuit.num_parameters)
    given_ = flatten_for_mps(circuit)

    found, plain = (MODEL.units(read_skeleton(each), warm=True) for each in (circuit, given_))

    assert {term: found[term] for term in ("gate", "angle", "decomposition", "controlled")} == {
        term: plain[term] for term in ("gate", "angle", "decomposition", "controlled")
    }
    assert MODEL.units(read_skeleton(circuit))["opened"] == 1


def test_all_gates_that_the_simulator_does_not_take_are_known():
    gates = get_standard_gate_name_mapping()
    assert set(OPENED) == {name for name, one in gates.items() if one.num_qubits == 2} - MPS_BASIS
    assert set(TAKEN) == {name for name, one in gates.items() if one.num_qubits > 2} & MPS_BASIS


def test_in_doubt_the_range_goes_from_empty_bonds_to_full_ones():
    found = MODEL.predict(TANGLE)
    assert whole(LEAST_FILL) / found.low == pytest.approx(MODEL.rates.spread)
    assert found.high / whole(1.0) == pytest.approx(MODEL.rates.spread)


@pytest.mark.parametrize("fill", [0.3, 0.6, 1.0])
def test_what_a_state_will_cost_is_foreseen_from_its_beginning(fill):
    asked: list[float] = []

    def probe(foresee):
        whole = followed(len(TANGLE), fill).sides
        asked.extend(foresee(whole[:done]) for done in range(4, len(whole) + 1, 4))
        return followed(len(TANGLE), fill)

    found = MODEL.predict(TANGLE, probe=probe)
    evolved = sum(found.terms[name] for name in ("decomposition", "entry", "svd"))
    assert asked[-1] == pytest.approx(evolved)
    assert max(asked) <= evolved * 1.5
    half = asked[len(asked) // 2]
    assert half > MODEL.predict(TANGLE, probe=lambda _: followed(len(TANGLE), 0.0)).terms["decomposition"]


def test_bonds_that_stay_empty_foresee_nothing_dear():
    bare = followed(len(TANGLE), 0.0)
    asked: list[float] = []

    def probe(foresee):
        asked.extend(foresee(bare.sides[:done]) for done in range(4, len(TANGLE), 4))
        return bare

    found = MODEL.predict(TANGLE, probe=probe)
    assert max(asked) <= found.seconds
