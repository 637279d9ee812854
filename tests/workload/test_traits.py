from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Gate, Parameter, QuantumCircuit
from qiskit.circuit.library import UnitaryGate, efficient_su2

from pilot_quantum.workload.traits import traits_of


def circuit(build, qubits=3, bits=3):
    made = QuantumCircuit(qubits, bits)
    build(made)
    return traits_of(made)


def conditional(c):
    c.measure(0, 0)
    with c.if_test((0, 1)):
        c.x(1)


def static_loop(c):
    with c.for_loop(range(3)):
        c.h(0)


def left_loop(c):
    with c.for_loop(range(3)):
        c.h(0)
        c.measure(0, 0)
        with c.if_test((0, 1)):
            c.break_loop()


def box(c):
    with c.box():
        c.h(0)


def composite(c):
    inner = QuantumCircuit(1, 1)
    inner.h(0)
    inner.measure(0, 0)
    inner.x(0)
    c.append(inner.to_instruction(), [2], [1])


@pytest.mark.parametrize(
    ("build", "measures", "dynamic", "impure"),
    [
        (lambda c: c.h(0), False, False, False),
        (lambda c: (c.h(0), c.measure(0, 0)), True, False, False),
        (lambda c: (c.h(0), c.measure(0, 0), c.measure(0, 1)), True, False, False),
        (lambda c: (c.h(0), c.measure(0, 0), c.barrier(), c.h(1)), True, False, False),
        (lambda c: (c.measure(0, 0), c.h(0)), True, True, False),
        (lambda c: (c.reset(0), c.h(0)), False, False, False),
        (lambda c: (c.h(0), c.reset(0)), False, True, True),
        (lambda c: (c.measure(0, 0), c.reset(0)), True, True, True),
        (lambda c: c.initialize([0, 1], 0), False, False, False),
        (lambda c: (c.h(0), c.initialize([0, 1], 0)), False, True, True),
        (conditional, True, True, True),
        (static_loop, False, False, False),
        (left_loop, True, True, True),
        (box, False, False, False),
        (composite, True, True, False),
    ],
)
def test_what_decides_how_a_circuit_is_run(build, measures, dynamic, impure):
    traits = circuit(build)
    assert (traits.measures, traits.dynamic, bool(traits.impure)) == (measures, dynamic, impure)


def test_a_plain_ansatz_is_seen_at_a_glance_and_in_full():
    ansatz = efficient_su2(4, reps=1)
    assert traits_of(ansatz).standard
    measured = ansatz.copy()
    measured.measure_all()
    assert traits_of(measured).standard
    assert traits_of(measured).instructions == len(measured.data)


@pytest.mark.parametrize("gate", [UnitaryGate(np.eye(2)), Gate("mine", 1, [Parameter("a")])])
def test_gates_beyond_the_standard_ones_travel_otherwise(gate):
    assert not circuit(lambda c: c.append(gate, [0])).standard


def test_only_qubits_in_use_count_in_a_wide_circuit():
    wide = QuantumCircuit(127, 2)
    wide.ry(0.1, 3)
    wide.cx(3, 77)
    wide.barrier()
    wide.measure([3, 5], [0, 1])
    traits = traits_of(wide)
    assert traits.active_qubits == 3
    assert not traits.clifford


def test_clifford_circuits_are_known_by_their_gates():
    ghz = QuantumCircuit(50)
    ghz.h(0)
    for i in range(49):
        ghz.cx(i, i + 1)
    assert traits_of(ghz).clifford
    ghz.t(0)
    assert not traits_of(ghz).clifford


def test_gates_in_bodies_count():
    wide = QuantumCircuit(30, 1)
    wide.measure(0, 0)
    with wide.if_test((0, 1)):
        wide.t(7)
    traits = traits_of(wide)
    assert not traits.clifford
    assert traits.active_qubits == 2
