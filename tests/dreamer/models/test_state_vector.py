from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dreamer.circuits import ansatz, skeletons

from pilot_quantum.circuit import families
from pilot_quantum.circuit.program import Program, gate
from pilot_quantum.circuit.skeleton import Skeleton, program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.models.state_vector import AER, FUSES_FROM, LIGHTNING, StateVector, memory

MODELS = {name: StateVector(ASSUMED[name]) for name in (AER, LIGHTNING)}


def wider(skeleton: Skeleton) -> Skeleton:
    return Skeleton(skeleton.qubits + 1, skeleton.names, skeleton.wires, skeleton.kinds, skeleton.places)


def longer(skeleton: Skeleton) -> Skeleton:
    both = (each + each for each in (skeleton.names, skeleton.wires, skeleton.kinds, skeleton.places))
    return Skeleton(skeleton.qubits, *both)


@pytest.mark.parametrize("model", MODELS)
@given(skeleton=skeletons(), warm=st.booleans())
def test_more_qubits_never_cost_less(model, skeleton, warm):
    if skeleton.qubits + 1 == FUSES_FROM and model == AER:  # the regime changes, and what is fused may cost less
        return
    predict = MODELS[model].predict
    assert predict(wider(skeleton), warm=warm).seconds > predict(skeleton, warm=warm).seconds


@pytest.mark.parametrize("model", MODELS)
@given(skeleton=skeletons(most_qubits=FUSES_FROM - 1))
def test_more_gates_never_cost_less(model, skeleton):
    predict = MODELS[model].predict
    assert predict(longer(skeleton)).seconds >= predict(skeleton).seconds


@pytest.mark.parametrize("model", MODELS)
@given(skeleton=skeletons(), terms=st.integers(0, 4))
def test_the_terms_add_up_and_the_range_holds_the_value(model, skeleton, terms):
    found = MODELS[model].predict(skeleton, [{0: "Z"}] * terms)
    assert sum(found.terms.values()) == pytest.approx(found.seconds)
    assert found.low <= found.seconds <= found.high
    assert found.assumed


def test_a_warm_worker_has_nothing_to_build():
    cold, warm = (MODELS[AER].predict(ansatz(10), warm=warm) for warm in (False, True))
    assert cold.seconds - warm.seconds == pytest.approx(cold.terms["start"] + cold.terms["build"])
    assert "build" not in warm.terms


def test_threads_help_where_aer_uses_them():
    predict = MODELS[AER].predict
    assert predict(ansatz(FUSES_FROM), threads=4).seconds < predict(ansatz(FUSES_FROM)).seconds
    assert predict(ansatz(FUSES_FROM - 1), threads=4) == predict(ansatz(FUSES_FROM - 1))


def test_observables_cost_by_the_products_that_they_share():
    predict = MODELS[AER].predict
    alike = predict(ansatz(10), [{q: "Z"} for q in range(5)])
    apart = predict(ansatz(10), [{q: "X"} for q in range(5)])
    assert apart.terms["observe"] == pytest.approx(5 * alike.terms["observe"])


def test_memory_doubles_with_each_qubit_and_nothing_is_too_wide_to_ask():
    assert memory(31) - memory(30) == 40 * 2**30
    assert MODELS[AER].predict(wide_chain(2000)).seconds > 1e200


def wide_chain(qubits: int) -> Skeleton:
    return program_skeleton(families.ghz(qubits))


def test_where_aer_has_a_kernel_a_toffoli_gate_costs_no_more_than_a_controlled_one():
    def units(name, *wires):
        return MODELS[AER].units(program_skeleton(Program(name, name, 8, (gate(name, *wires),))))

    assert units("ccx", 0, 1, 2)["two"] == units("cx", 0, 1)["two"] == 2**8
    assert units("ccx", 0, 1, 2)["matrix"] == 0
    assert units("x", 0)["diagonal"] == units("z", 0)["diagonal"]
