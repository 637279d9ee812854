"""The models that are a few lines each: stabilisers, the transpiler, dispatching."""

from __future__ import annotations

import pytest
from tests.dreamer.circuits import ansatz

from pilot_quantum.circuit import families
from pilot_quantum.circuit.skeleton import program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.dispatch import Dispatch
from pilot_quantum.dreamer.models.find import Find, Search
from pilot_quantum.dreamer.models.stabiliser import Stabiliser
from pilot_quantum.dreamer.models.transpile import Transpile
from pilot_quantum.dreamer.models.write import Write


def adds_up(prediction):
    assert sum(prediction.terms.values()) == pytest.approx(prediction.seconds)
    assert prediction.low <= prediction.seconds <= prediction.high
    return prediction


def test_only_clifford_circuits_have_a_stabiliser_simulation():
    model = Stabiliser(ASSUMED["aer-stabilizer"])
    small, large = (program_skeleton(families.clifford(100, gates, seed=1)) for gates in (50, 500))
    assert adds_up(model.predict(small, [{0: "Z"}])).seconds < adds_up(model.predict(large, [{0: "Z"}])).seconds
    assert model.predict(ansatz(4)) is None


def test_the_transpiler_takes_longer_at_higher_levels_and_where_it_routes():
    model = Transpile(ASSUMED["transpile"])
    seconds = [adds_up(model.predict(ansatz(8), level)).seconds for level in range(4)]
    assert seconds == sorted(set(seconds))
    assert model.predict(ansatz(8), routed=False).seconds < model.predict(ansatz(8)).seconds
    with pytest.raises(ValueError, match="level 7"):
        model.predict(ansatz(8), 7)


def test_a_search_for_cuts_takes_longer_with_loops_that_are_cut_and_widths_and_writing_with_gates():
    find, write = Find(ASSUMED["find"]), Write(ASSUMED["write"])
    line = Search.of(program_skeleton(families.ghz(12)))
    ring = Search.of(program_skeleton(families.qaoa(12, families.regular_graph(12, 3, seed=1), (0.3,), (0.2,))))
    assert find.units(line, 3)["loop"] == 0
    assert find.predict(line, 3).seconds == find.predict(line).seconds
    assert adds_up(find.predict(ring)).seconds < adds_up(find.predict(ring, 3)).seconds < find.predict(ring, 6).seconds
    assert find.predict(ring, 3).seconds < adds_up(find.predict(ring, 3, narrower=2)).seconds
    assert find.units(line)["qubit"] == 12
    assert adds_up(write.predict(10)).seconds < write.predict(100).seconds < write.predict(100, circuits=5).seconds


def test_dispatching_costs_by_task_and_by_byte():
    model = Dispatch(ASSUMED["dispatch"])
    assert model.predict(0).seconds == 0
    assert model.predict(10).seconds < adds_up(model.predict(100)).seconds < model.predict(100, sent=10**7).seconds
