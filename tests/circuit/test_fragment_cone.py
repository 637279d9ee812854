from __future__ import annotations

import pytest
from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import cut_circuit


def layered():
    """Two pairs, joined by one gate in the middle, each with a gate before and one after."""
    circuit = QuantumCircuit(4)
    for _ in range(2):
        circuit.rx(0.3, range(4))
        circuit.cx(0, 1)
        circuit.cx(2, 3)
        if len(circuit.data) == 6:
            circuit.cz(1, 2)
    return circuit


def names(fragment):
    return [instruction.name for instruction in fragment.circuit.data if instruction.name != "u"]


def test_gates_that_nothing_observed_follows_are_left_out():
    cut = observed(cut_circuit(layered(), Cuts(gates=(6,))), [0])
    seen, other = cut.fragments
    assert names(seen) == ["rx", "rx", "cx", "rx", "rx", "cx"]
    assert names(other) == ["rx", "rx", "cx"]
    (leg,) = other.legs
    assert (
        other.circuit.data[: leg.position]
        == cut_circuit(layered(), Cuts(gates=(6,))).fragments[1].circuit.data[: leg.position]
    )


def test_qubits_that_no_gate_is_left_on_are_dropped():
    circuit = layered()
    circuit.cx(3, 2)
    cut = observed(cut_circuit(circuit, Cuts()), [])
    assert cut.fragments == ()
    chain = QuantumCircuit(4)
    for i in range(3):
        chain.cx(i, i + 1)
    cut = observed(cut_circuit(chain, Cuts(gates=(1,))), [1])
    assert [fragment.ends for fragment in cut.fragments] == [(0, 1), (2,)]


def test_outgoing_wires_are_kept():
    chain = QuantumCircuit(4)
    for i in range(3):
        chain.cx(i, i + 1)
    cut = observed(cut_circuit(chain, Cuts(wires=(WireCut(1, 1),))), [3])
    assert [names(fragment) for fragment in cut.fragments] == [["cx"], ["cx", "cx"]]


def test_what_is_all_observed_stays_as_it_is():
    cut = cut_circuit(layered(), Cuts(gates=(6,)))
    assert observed(cut, range(4)).fragments == cut.fragments
    assert observed(cut, range(4)).overhead == pytest.approx(cut.overhead)
