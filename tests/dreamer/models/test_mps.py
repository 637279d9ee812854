from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dreamer.circuits import skeletons

from pilot_quantum.circuit import families
from pilot_quantum.circuit.skeleton import program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.mps import LEAST_FILL, MatrixProductState
from pilot_quantum.dreamer.prediction import priced

MODEL = MatrixProductState(ASSUMED["aer-mps"])
CHAIN = program_skeleton(families.ghz(40))
TANGLE = program_skeleton(families.brickwork(24, 24, seed=1))


def whole(fill):
    return priced(MODEL.units(TANGLE, (), fill), MODEL.rates).seconds


def beginning(gates, fill):
    part = TANGLE.only(tuple(range(gates)), tuple(range(TANGLE.qubits)))
    return priced(MODEL.units(part, (), fill), MODEL.rates).seconds


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
    found = MODEL.predict(CHAIN, probe=lambda gates: pytest.fail("there is no doubt"))
    assert found.seconds < 0.1
    assert found.memory < 2**28


def test_a_probe_narrows_what_the_structure_leaves_open():
    open_ = MODEL.predict(TANGLE)
    for fill in (0.5, 0.8):
        found = MODEL.predict(TANGLE, probe=lambda gates, fill=fill: beginning(gates, fill))
        assert found.seconds == pytest.approx(whole(fill), rel=0.01)
        assert found.high / found.low < open_.high / open_.low


def test_a_probe_that_was_stopped_means_the_worst():
    assert MODEL.predict(TANGLE, probe=lambda gates: inf).seconds == pytest.approx(whole(1.0))


def test_in_doubt_the_range_goes_from_empty_bonds_to_full_ones():
    found = MODEL.predict(TANGLE)
    assert whole(LEAST_FILL) / found.low == pytest.approx(MODEL.rates.spread)
    assert found.high / whole(1.0) == pytest.approx(MODEL.rates.spread)
