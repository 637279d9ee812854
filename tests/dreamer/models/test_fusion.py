from __future__ import annotations

import pytest

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.models.fusion import Passes, passes

PROGRAMS = {
    "efficient-su2": families.efficient_su2(15, 2, seed=1),
    "qaoa": families.qaoa(16, families.regular_graph(16, 3, seed=16), (0.7,), (0.4,)),
    "ghz": families.ghz(15),
    "tfim": families.tfim(15, 3, 1.0),
    "brickwork": families.brickwork(15, 5, seed=2),
    "qft": families.qft(15, 11),
    "clifford": families.clifford(15, 80, seed=3),
}


def aer_passes(circuit):
    """What Aer itself reports to have made of the circuit."""
    from qiskit_aer import AerSimulator

    circuit = circuit.copy()
    circuit.save_statevector()
    result = AerSimulator(method="statevector").run(circuit, fusion_verbose=True, max_parallel_threads=1).result()
    ops = [op for op in result.results[0].metadata["fusion"]["output_ops"] if op["name"] != "save_statevector"]
    return len(ops), sum(op["name"] == "diagonal" for op in ops)


@pytest.mark.requires("aer")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_passes_are_those_that_aer_makes(name):
    circuit = qiskit_circuit(PROGRAMS[name])
    total, diagonal = aer_passes(circuit)
    found = passes(read_skeleton(circuit))
    assert found.diagonal + sum(found.dense) == pytest.approx(total, rel=0.1)
    assert found.diagonal >= diagonal  # Aer calls a fused pair of diagonals a unitary


@pytest.mark.requires("qiskit")
def test_a_gate_on_one_qubit_goes_into_its_neighbour_on_two():
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(8)
    for a, b in ((0, 7), (1, 6), (2, 5)):
        circuit.h(a)
        circuit.cx(a, b)
        circuit.ry(0.1, b)
    assert passes(read_skeleton(circuit)) == Passes(0, (0, 3, 0, 0, 0))


@pytest.mark.requires("qiskit")
def test_a_circuit_without_gates_takes_no_pass():
    from qiskit.circuit import QuantumCircuit

    assert passes(read_skeleton(QuantumCircuit(3))) == Passes(0, (0, 0, 0, 0, 0))
