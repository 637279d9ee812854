"""The models that are a few lines each: stabilisers, cuts, the transpiler, dispatching."""

from __future__ import annotations

import pytest
from tests.dreamer.circuits import ansatz

from pilot_quantum.circuit import families
from pilot_quantum.circuit.skeleton import program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.cut import Cut, Fragment
from pilot_quantum.dreamer.models.dispatch import Dispatch
from pilot_quantum.dreamer.models.stabiliser import Stabiliser
from pilot_quantum.dreamer.models.state_vector import StateVector
from pilot_quantum.dreamer.models.transpile import Transpile

CUT = Cut(ASSUMED["cut"], StateVector(ASSUMED["aer-statevector"]))
FRAGMENT = Fragment(ansatz(8), variants=16, open_legs=1, factors=2)


def adds_up(prediction):
    assert sum(prediction.terms.values()) == pytest.approx(prediction.seconds)
    assert prediction.low <= prediction.seconds <= prediction.high
    return prediction


def test_only_clifford_circuits_have_a_stabiliser_simulation():
    model = Stabiliser(ASSUMED["aer-stabilizer"])
    small, large = (program_skeleton(families.clifford(100, gates, seed=1)) for gates in (50, 500))
    assert adds_up(model.predict(small, [{0: "Z"}])).seconds < adds_up(model.predict(large, [{0: "Z"}])).seconds
    assert model.predict(ansatz(4)) is None


def test_a_fragment_is_built_once_and_run_in_every_variant():
    found = adds_up(CUT.fragment(FRAGMENT))
    once = CUT.simulator.predict(FRAGMENT.skeleton, warm=True)
    assert found.seconds > 16 * once.seconds
    assert found.terms["cut.build"] == pytest.approx(len(FRAGMENT.skeleton) * CUT.rates.seconds["build"])
    assert found.memory >= CUT.memory(FRAGMENT)


def test_the_gram_matrix_grows_with_the_square_of_the_states():
    more = Fragment(FRAGMENT.skeleton, variants=32, open_legs=1, factors=2)
    assert CUT.fragment_units(more)["gram"] == pytest.approx(4 * CUT.fragment_units(FRAGMENT)["gram"])


def test_a_cut_circuit_is_its_fragments_and_their_contraction():
    found = adds_up(CUT.predict([FRAGMENT, FRAGMENT], multiplications=1e6))
    parts = 2 * CUT.fragment(FRAGMENT).seconds + CUT.contraction(1e6).seconds
    assert found.seconds == pytest.approx(parts)


def test_sampled_fragments_cost_by_their_shots():
    few, many = (adds_up(CUT.sampled(FRAGMENT, shots)).seconds for shots in (1e3, 1e6))
    assert many - few == pytest.approx((1e6 - 1e3) * CUT.rates.seconds["shot"])


def test_the_transpiler_takes_longer_at_higher_levels_and_where_it_routes():
    model = Transpile(ASSUMED["transpile"])
    seconds = [adds_up(model.predict(ansatz(8), level)).seconds for level in range(4)]
    assert seconds == sorted(set(seconds))
    assert model.predict(ansatz(8), routed=False).seconds < model.predict(ansatz(8)).seconds
    with pytest.raises(ValueError, match="level 7"):
        model.predict(ansatz(8), 7)


def test_dispatching_costs_by_task_and_by_byte():
    model = Dispatch(ASSUMED["dispatch"])
    assert model.predict(0).seconds == 0
    assert model.predict(10).seconds < adds_up(model.predict(100)).seconds < model.predict(100, sent=10**7).seconds
