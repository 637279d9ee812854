from __future__ import annotations

import threading

import pytest
from qiskit.circuit import Gate, Parameter, QuantumCircuit
from qiskit.circuit.library import efficient_su2

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.workload.blob import from_blob, to_blob
from pilot_quantum.workload.traits import traits_of


def back_and_forth(circuit):
    return from_blob(to_blob(circuit, traits_of(circuit).standard))


def test_circuits_of_all_kinds_survive(circuit, exact):
    assert exact(back_and_forth(circuit)).equiv(exact(circuit))


def test_parameters_and_their_order_survive(ansatz):
    back = back_and_forth(ansatz)
    assert [p.name for p in back.parameters] == [p.name for p in ansatz.parameters]


def test_control_flow_measurements_and_registers_survive():
    circuit = QuantumCircuit(2, 2, global_phase=Parameter("phase"))
    circuit.measure(0, 1)
    with circuit.while_loop((1, 1)):
        circuit.x(0)
        circuit.measure(0, 1)
    assert back_and_forth(circuit) == circuit
    measured = efficient_su2(3)
    measured.measure_all()
    assert back_and_forth(measured) == measured


def test_name_and_metadata_do_not_change_the_bytes():
    first, second = QuantumCircuit(1, name="first", metadata={"run": 1}), QuantumCircuit(1, metadata={1: object()})
    for circuit in (first, second):
        circuit.h(0)
    assert to_blob(first, True) == to_blob(second, True)
    assert first.name == "first"
    assert first.metadata == {"run": 1}


def test_a_changed_circuit_has_other_bytes():
    circuit = efficient_su2(2, reps=1)
    before = to_blob(circuit, True)
    circuit.h(0)
    assert to_blob(circuit, True) != before


def test_a_gate_that_cannot_be_pickled_is_refused_by_the_circuit_s_name():
    gate = Gate("locked", 1, [])
    gate.lock = threading.Lock()
    circuit = QuantumCircuit(1, name="vault")
    circuit.append(gate, [0])
    with pytest.raises(NotPicklableError, match=r"'vault'.*decompose"):
        to_blob(circuit, standard=False)
