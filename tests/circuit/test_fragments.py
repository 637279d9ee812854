from __future__ import annotations

import pytest
from qiskit.circuit import Parameter, QuantumCircuit

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.circuit.fragments import LegKind, cut_circuit
from pilot_quantum.errors import CircuitError


def chain(qubits):
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for i in range(qubits - 1):
        circuit.cx(i, i + 1)
    return circuit


def test_a_cut_gate_leaves_two_fragments_with_a_leg_each():
    cut = cut_circuit(chain(5), Cuts(gates=(3,)))
    assert [fragment.ends for fragment in cut.fragments] == [(0, 1, 2), (3, 4)]
    assert [[leg.kind for leg in fragment.legs] for fragment in cut.fragments] == [[LegKind.GATE]] * 2
    assert [fragment.legs[0].side for fragment in cut.fragments] == [0, 1]
    assert [link.terms for link in cut.links] == [2]
    assert cut.overhead == pytest.approx(9)


def test_a_cut_wire_ends_in_one_fragment_and_begins_in_the_other():
    cut = cut_circuit(chain(4), Cuts(wires=(WireCut(2, 1),)))
    assert [fragment.ends for fragment in cut.fragments] == [(0, None), (2, 3, 1)]
    assert [fragment.outgoing for fragment in cut.fragments] == [(1,), ()]
    assert cut.fragments[1].legs[0].kind is LegKind.INCOMING
    assert cut.places == {0: (0, 0), 2: (1, 0), 3: (1, 1), 1: (1, 2)}
    assert cut.overhead == 16


def test_a_gate_may_be_cut_behind_a_cut_wire():
    cut = cut_circuit(chain(4), Cuts(gates=(2,), wires=(WireCut(2, 1),)))
    assert sorted(fragment.ends for fragment in cut.fragments if None not in fragment.ends) == [(1,), (2, 3)]
    assert len(cut.links) == 2


def test_without_cuts_the_pieces_are_what_is_connected():
    circuit = QuantumCircuit(5)
    circuit.cx(0, 3)
    circuit.h(1)
    circuit.barrier()
    cut = cut_circuit(circuit, Cuts())
    assert sorted(fragment.ends for fragment in cut.fragments) == [(0, 3), (1,)]
    assert cut.idle == {2, 4}
    assert cut.overhead == 1


def test_cuts_within_one_piece_are_undone():
    circuit = chain(3)
    circuit.cx(0, 1)
    cut = cut_circuit(circuit, Cuts(gates=(1,), wires=(WireCut(3, 0),)))
    assert cut.healed == 0  # together they cut qubit 0 off until the last gate
    assert len(cut.links) == 2
    alone = cut_circuit(circuit, Cuts(gates=(1,)))
    assert (alone.healed, alone.links, len(alone.fragments)) == (1, (), 1)
    wire = cut_circuit(chain(3).compose(chain(3)), Cuts(wires=(WireCut(3, 0),)))
    assert (wire.healed, wire.links, wire.fragments[0].width) == (1, (), 3)


def test_a_cut_gate_that_entangles_nothing_leaves_no_link():
    circuit = QuantumCircuit(2)
    circuit.rzz(0.0, 0, 1)
    cut = cut_circuit(circuit, Cuts(gates=(0,)))
    assert cut.links == ()
    assert len(cut.fragments) == 0 or all(fragment.legs == () for fragment in cut.fragments)


def test_measurements_at_the_end_are_read_off():
    circuit = QuantumCircuit(3, 2)
    circuit.cx(0, 2)
    circuit.measure([2, 1], [0, 1])
    cut = cut_circuit(circuit, Cuts(gates=(0,)))
    assert cut.readout == {0: 2, 1: 1}


def reset():
    circuit = chain(2)
    circuit.reset(0)
    return circuit


def measured_midway():
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.cx(0, 1)
    return circuit


def controlled():
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    return circuit


def initialized():
    circuit = QuantumCircuit(2)
    circuit.initialize([1, 0], 0)
    return circuit


def unbound():
    circuit = chain(2)
    circuit.rx(Parameter("angle"), 0)
    return circuit


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (reset, "'reset'.*no unitary gate"),
        (measured_midway, "mid-circuit"),
        (controlled, "control flow"),
        (initialized, "'initialize'"),
        (unbound, "angle"),
    ],
)
def test_what_cannot_be_cut_is_refused_and_named(build, words):
    with pytest.raises(CircuitError, match=words):
        cut_circuit(build(), Cuts())


@pytest.mark.parametrize(
    ("cuts", "words"),
    [
        (Cuts(gates=(0,)), "'h' on 1 qubits"),
        (Cuts(gates=(9,)), "instruction 9, but .* has 4"),
        (Cuts(wires=(WireCut(1, 3),)), r"acts on qubits \(0, 1\), not on 3"),
        (Cuts(wires=(WireCut(-1, 3),)), "instruction -1"),
    ],
)
def test_cuts_that_are_not_in_the_circuit_are_refused(cuts, words):
    with pytest.raises(CircuitError, match=words):
        cut_circuit(chain(4), cuts)
