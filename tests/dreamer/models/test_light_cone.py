from __future__ import annotations

import pytest

from pilot_quantum.circuit import families
from pilot_quantum.circuit.light_cone import light_cones
from pilot_quantum.circuit.skeleton import program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.light_cone import LightCone, apart, whole
from pilot_quantum.dreamer.models.state_vector import StateVector

SIMULATOR = StateVector(ASSUMED["aer-statevector"])
MODEL = LightCone(ASSUMED["prune"])


def parts_of(terms, make, steps=2):
    skeleton = program_skeleton(families.tfim(20, steps, 0.5))
    return skeleton, make(skeleton, light_cones(skeleton, terms), terms)


def test_pruning_is_added_to_what_is_left():
    skeleton, (part,) = parts_of([{10: "Z"}], whole)
    found = MODEL.predict(len(skeleton), [part], SIMULATOR.predict)
    assert part.skeleton.qubits < 20
    run = SIMULATOR.predict(part.skeleton, part.letters)
    assert found.seconds == pytest.approx(
        run.seconds + sum(s for n, s in found.terms.items() if n.startswith("prune."))
    )
    assert found.seconds < SIMULATOR.predict(skeleton, [{10: "Z"}]).seconds


def test_terms_that_are_far_apart_run_apart():
    terms = [{0: "Z"}, {19: "Z"}, {10: "Z"}]
    skeleton, parts = parts_of(terms, apart, steps=4)
    _, (together,) = parts_of(terms, whole, steps=4)
    assert sorted(term for part in parts for term in part.terms) == [0, 1, 2]
    assert max(part.skeleton.qubits for part in parts) < together.skeleton.qubits
    assert (
        MODEL.predict(len(skeleton), parts, SIMULATOR.predict).seconds
        < MODEL.predict(len(skeleton), [together], SIMULATOR.predict).seconds
    )


def test_a_term_inside_anothers_cone_runs_with_it():
    _, parts = parts_of([{10: "Z"}, {10: "Z", 11: "Z"}, {10: "Z"}], apart)
    assert [part.terms for part in parts] == [(0, 1, 2)]
    (part,) = parts
    places = [part.cone.qubits.index(10), part.cone.qubits.index(11)]
    assert part.letters[1] == dict.fromkeys(places, "Z")
