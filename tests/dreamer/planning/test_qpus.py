"""Quantum processors as data: planned, priced, refused with reasons."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import msgspec
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from pilot_quantum.dreamer.planning.planner import plan
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.errors import InvalidDescriptionError, UnsatisfiableError


@pytest.fixture
def circuit():
    """Twelve qubits in a chain."""
    circuit = QuantumCircuit(12)
    for qubit in range(12):
        circuit.ry(0.1 * qubit, qubit)
    for qubit in range(11):
        circuit.cz(qubit, qubit + 1)
        circuit.rx(0.2, qubit)
    return circuit


def test_an_exact_value_cannot_be_had_from_samples(circuit, pilot, processor):
    made = plan(circuit, "X11", [pilot(), processor()])

    assert "exact" in made.using("qpu qpu-1").best.refused
    assert made.best.method != "qpu"


def test_a_target_error_says_how_many_shots(circuit, processor):
    made = plan(circuit, "X11", [processor(error=0.0)], target=0.01)

    assert made.best.method == "qpu"
    assert made.best.qpu == "qpu-1"
    assert made.best.shots == 10_000
    assert made.best.error == 0.01


def test_shots_make_up_for_what_faults_take_of_the_target(processor):
    circuit = QuantumCircuit(1)
    circuit.ry(0.3, 0)
    made = plan(circuit, "Z0", [processor(error=0.005)], target=0.02)

    bias = 1 - 0.995**2  # one gate, one qubit read
    assert made.best.shots == ceil(1 / (0.02**2 - bias**2)) == 3328
    assert made.best.error <= 0.02


def test_faults_that_take_all_of_the_target_leave_nothing_for_shots(processor):
    circuit = QuantumCircuit(1)
    circuit.ry(0.3, 0)
    with pytest.raises(
        UnsatisfiableError, match=r"faults leave about 0\.99 of a value.*off by 0\.00997.*target is 0\.0099"
    ):
        plan(circuit, "Z0", [processor(error=0.005)], target=0.0099)


def test_coefficients_beyond_all_shots_are_refused_with_figures(circuit, processor):
    large = SparsePauliOp("Z" * 12, 1e200)
    with pytest.raises(UnsatisfiableError, match=r"standard error of 0\.01 needs more than 1e\+308 shots"):
        plan(circuit, large, [processor(error=0.0)], target=0.01)
    with pytest.raises(UnsatisfiableError, match=r"may be off by .*e\+19\d however many shots; the target is 0\.01"):
        plan(circuit, large, [processor()], target=0.01)


def test_a_target_near_the_least_float_is_refused_with_figures(circuit, processor):
    with pytest.raises(UnsatisfiableError, match=r"standard error of 1e-300 needs more than 1e\+308 shots"):
        plan(circuit, "X11", [processor(error=0.0)], target=1e-300)


def test_shots_follow_the_sum_of_all_coefficients(circuit, processor):
    made = plan(circuit, "X11 + 2*Z3 - X0", [processor(error=0.0)], target=0.1)

    assert made.best.shots == 1600


def test_more_shots_than_the_budget_are_refused_and_counted(circuit, processor):
    with pytest.raises(UnsatisfiableError, match=r"1,000,000 shots.*budget is 50,000"):
        plan(circuit, "X11", [processor(error=0.0)], target=Target(error=0.001, shots=50_000))


def test_a_budget_that_is_too_small_leaves_the_simulator(circuit, pilot, processor):
    made = plan(circuit, "X11", [pilot(), processor(error=0.0)], target=Target(error=0.001, shots=50_000))

    assert made.best.exact
    assert "1,000,000" in made.using("qpu qpu-1").best.refused


def test_faults_that_no_shots_make_up_for_are_a_reason_against(circuit, processor):
    with pytest.raises(UnsatisfiableError, match=r"faults leave about 0\.\d+"):
        plan(circuit, "X11", [processor(error=0.02)], target=0.01)


def test_a_price_beyond_the_budget_is_a_reason_against(circuit, processor):
    with pytest.raises(UnsatisfiableError, match=r"costs 100.3, and the budget is 50"):
        plan(circuit, "X11", [processor(error=0.0, shot_price=0.01)], target=Target(error=0.01, price=50))


def ring():
    """Twelve qubits, each with a gate to the next but five."""
    circuit = QuantumCircuit(12)
    for qubit in range(12):
        circuit.ry(0.1 * qubit, qubit)
    for qubit in range(12):
        circuit.cz(qubit, (qubit + 5) % 12)
        circuit.ry(0.2, qubit)
    return circuit


def coupled(resource, couplings):
    """The same processor with these couplings alone."""
    return replace(resource, qpu=msgspec.structs.replace(resource.qpu, couplings=couplings))


def test_swaps_between_qubits_that_are_not_coupled_are_faults_too(processor):
    chain, every = [(qubit, qubit + 1) for qubit in range(26)], " ".join(f"Z{qubit}" for qubit in range(12))
    free = plan(ring(), every, [processor(error=1e-4)], target=0.02).best
    chained = plan(ring(), every, [coupled(processor(error=1e-4), chain)], target=0.02).best

    assert chained.shots > free.shots
    with pytest.raises(
        UnsatisfiableError, match=r"faults, with \d+ swaps that its couplings take, leave about 0\.\d+ of"
    ):
        plan(ring(), every, [coupled(processor(error=1e-3), chain)], target=0.05)


def test_a_chain_takes_no_swaps_on_a_chain(circuit, processor):
    chained = coupled(processor(error=1e-4), [(qubit, qubit + 1) for qubit in range(26)])

    assert plan(circuit, "X11", [chained], target=0.02).best == plan(circuit, "X11", [processor(error=1e-4)], 0.02).best


def test_couplings_that_leave_no_path_are_a_reason_against(processor):
    apart = coupled(processor(), [(qubit, qubit + 1) for qubit in range(26) if qubit % 9 != 8])
    with pytest.raises(
        UnsatisfiableError,
        match=r"no path between qubits that interact: 12 of .* join at most 9 of its 27.*Add a pilot that can",
    ):
        plan(ring(), " ".join(f"Z{qubit}" for qubit in range(12)), [apart], target=0.1)


def test_fragments_are_no_wider_than_what_couplings_join(circuit, processor):
    apart = coupled(processor(qubits=11), [(qubit, qubit + 1) for qubit in range(10) if qubit != 6])
    made = plan(circuit, " ".join(f"X{qubit}" for qubit in range(12)), [apart], target=0.1)

    assert max(made.best.widths) <= made.best.limit == 7


def test_a_processor_that_is_too_narrow_gets_cuts_with_their_overhead(circuit, processor):
    every = " ".join(f"X{qubit}" for qubit in range(12))
    whole = plan(circuit, every, [processor()], target=0.1).best
    made = plan(circuit, every, [processor(qubits=7)], target=0.1)

    assert made.best.name == "qpu qpu-1, cut"
    assert max(made.best.widths) <= 7
    assert made.best.shots == pytest.approx(9 * whole.shots, rel=0.01)
    assert made.best.price > whole.price


@pytest.mark.parametrize("target", [-1.0, float("inf"), float("nan"), "x", True, [0.1]])
def test_a_target_that_cannot_be_meant_is_refused(circuit, pilot, target):
    with pytest.raises(InvalidDescriptionError, match="target error"):
        plan(circuit, "X11", [pilot()], target=target)


@pytest.mark.parametrize("shots", [0, 1.5, 1e5, "many", True])
def test_a_budget_of_no_shots_or_parts_of_one_is_refused(shots):
    with pytest.raises(InvalidDescriptionError, match=f"target shots={shots!r} must be a whole number"):
        Target(error=0.1, shots=shots)


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf"), "dear"])
def test_a_price_that_cannot_be_meant_is_refused(price):
    with pytest.raises(InvalidDescriptionError, match=f"target price={price!r} must be"):
        Target(error=0.1, price=price)
