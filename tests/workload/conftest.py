"""Circuits of many kinds, each with its exact final state by another way: qiskit.quantum_info."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Gate, Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit.library import (
    DiagonalGate,
    GlobalPhaseGate,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    RXGate,
    RYGate,
    StatePreparation,
    UCGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import SparsePauliOp, Statevector, random_clifford, random_unitary


class Sheared(Gate):
    """A user's own gate, which nobody else knows."""

    def __init__(self, angle):
        super().__init__("sheared", 2, [angle])

    def _define(self):
        self.definition = QuantumCircuit(2)
        self.definition.rx(self.params[0], 0)
        self.definition.crz(2 * self.params[0], 0, 1)


class Impostor(Gate):
    """A gate called like Qiskit's Hadamard that does something else."""

    def __init__(self):
        super().__init__("h", 1, [])

    def _define(self):
        self.definition = QuantumCircuit(1)
        self.definition.rx(0.7, 0)


def spread(qubits=4):
    circuit = QuantumCircuit(qubits)
    for i in range(qubits):
        circuit.ry(0.3 + 0.4 * i, i)
        circuit.rz(0.2 * i, i)
    return circuit


def with_gate(gate, *qubits):
    circuit = spread()
    circuit.append(gate, qubits or range(gate.num_qubits))
    circuit.rx(0.4, 0)
    return circuit


def two_of_one_name():
    circuit = spread()
    for angle in (0.2, 0.9):
        inner = QuantumCircuit(1, name="same")
        inner.rx(angle, 0)
        circuit.append(inner.to_gate(), [1])
    return circuit


def controlled_phase_inside():
    inner = QuantumCircuit(1, global_phase=0.8)
    inner.rz(0.3, 0)
    return with_gate(inner.to_gate(label="phase").control(1), 0, 1)


def looped():
    circuit = spread()
    with circuit.for_loop(range(3)) as i:
        circuit.rx(0.1 * i, 0)
        with circuit.for_loop(range(2)):
            circuit.cx(0, 1)
            circuit.ry(0.2, 1)
    return circuit


def boxed():
    circuit = spread()
    with circuit.box():
        circuit.cx(3, 1)
        with circuit.box():
            circuit.ry(0.3, 1)
    return circuit


def idle():
    circuit = QuantumCircuit(6)
    circuit.ry(0.4, 4)
    circuit.cx(4, 1)
    circuit.barrier()
    circuit.delay(10, 3)
    return circuit


def initialized(*arguments):
    circuit = QuantumCircuit(3)
    circuit.initialize(*arguments)
    circuit.ry(0.3, 1)
    circuit.cx(1, 2)
    return circuit


def permuted_registers():
    circuit = spread()
    return circuit.compose(spread().inverse(), [2, 0, 3, 1]).compose(spread())


_u = random_unitary(4, seed=2)
_phases = np.exp(1j * np.arange(4.0))
CIRCUITS = {
    "empty": lambda: QuantumCircuit(3),
    "spread": spread,
    "idle qubits": idle,
    "mcx": lambda: with_gate(MCXGate(3)),
    "mcx by control": lambda: with_gate(XGate().control(3)),
    "mcx open": lambda: with_gate(XGate().control(3, ctrl_state=5)),
    "cx open": lambda: with_gate(XGate().control(1, ctrl_state=0)),
    "crx open": lambda: with_gate(RXGate(0.4).control(1, ctrl_state=0)),
    "mcp": lambda: with_gate(MCPhaseGate(0.3, 3)),
    "cccry": lambda: with_gate(RYGate(0.6).control(3, annotated=False)),
    "unitary": lambda: with_gate(UnitaryGate(_u), 2, 0),
    "controlled unitary": lambda: with_gate(UnitaryGate(_u).control(1), 3, 0, 1),
    "diagonal": lambda: with_gate(DiagonalGate(_phases.tolist()), 3, 1),
    "uniformly controlled": lambda: with_gate(UCGate([random_unitary(2, seed=i).data for i in range(4)]), 2, 0, 3),
    "pauli": lambda: with_gate(PauliGate("XYZ"), 3, 1, 0),
    "permutation": lambda: with_gate(PermutationGate([2, 0, 1]), 3, 1, 0),
    "qft": lambda: with_gate(QFTGate(4)),
    "evolution": lambda: with_gate(PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"], [0.2, 0.3])), 1, 2),
    "clifford object": lambda: with_gate(random_clifford(3, seed=1)),
    "state preparation": lambda: with_gate(StatePreparation([0.6, 0.8]), 2),
    "global phase gate": lambda: with_gate(GlobalPhaseGate(0.3)),
    "initialize amplitudes": lambda: initialized([0.6, 0, 0, 0.8j], [2, 0]),
    "initialize label": lambda: initialized("r+", [2, 0]),
    "initialize number": lambda: initialized(2, [2, 0]),
    "own gate": lambda: with_gate(Sheared(0.4), 3, 1),
    "own gate controlled": lambda: with_gate(Sheared(0.4).control(1), 3, 1, 0),
    "own gate inverted": lambda: with_gate(Sheared(0.4).inverse(), 3, 1),
    "own gate, known name": lambda: with_gate(Impostor(), 2),
    "two gates of one name": two_of_one_name,
    "controlled global phase": controlled_phase_inside,
    "static loops": looped,
    "boxes": boxed,
    "composed": permuted_registers,
    "bits without register": lambda: QuantumCircuit(spread().qubits).compose(spread()),
}


@pytest.fixture(params=sorted(CIRCUITS))
def circuit(request):
    return CIRCUITS[request.param]()


def loopless(circuit):
    """`circuit` without loops and boxes, which quantum_info does not know, unrolled by hand."""
    plain = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name == "for_loop":
            indices, parameter, body = operation.params
            for index in indices:
                bound = body if parameter is None else body.assign_parameters({parameter: index})
                plain.compose(loopless(bound), instruction.qubits, inplace=True)
        elif operation.name == "box":
            plain.compose(loopless(operation.blocks[0]), instruction.qubits, inplace=True)
        elif operation.name not in ("delay", "barrier"):
            plain.append(instruction)
    return plain


@pytest.fixture
def exact():
    """The final state of a bound circuit by qiskit.quantum_info."""
    return lambda circuit: Statevector(loopless(circuit))


a, b, theta = Parameter("a"), Parameter("b"), ParameterVector("θ", 3)


def parametric_plain():
    circuit = QuantumCircuit(3)
    for i in (2, 0, 1):
        circuit.ry(theta[i], i)
    circuit.cx(0, 1)
    circuit.rz(b, 1)
    circuit.cp(a, 1, 2)
    return circuit


def parametric_expressions():
    circuit = parametric_plain()
    circuit.rx(2 * a - theta[1] ** 2, 0)
    circuit.u(a * b, (a + 1) / 2, 0.3, 2)
    circuit.rx((a * b).sin(), 1)
    circuit.rx(a - a, 1)
    return circuit


def parametric_phase():
    circuit = QuantumCircuit(2, global_phase=a)
    circuit.ry(b, 0)
    return circuit


def parametric_own_gate():
    circuit = parametric_plain()
    circuit.append(Sheared(a + b), [2, 0])
    circuit.append(MCPhaseGate(a, 2), [0, 1, 2])
    circuit.append(RXGate(b).control(1, ctrl_state=0), [0, 2])
    return circuit


def parametric_loop():
    circuit = parametric_plain()
    with circuit.for_loop(range(2)) as i:
        circuit.rx(a + 0.1 * i, 0)
        circuit.cx(0, 2)
    return circuit


def parametric_evolution():
    circuit = parametric_plain()
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"], [0.2, 0.3]), time=a), [0, 2])
    return circuit


PARAMETRIC = {
    "plain": parametric_plain,
    "expressions": parametric_expressions,
    "global phase": parametric_phase,
    "own gate": parametric_own_gate,
    "loop": parametric_loop,
    "evolution": parametric_evolution,
}


@pytest.fixture(params=sorted(PARAMETRIC))
def ansatz(request):
    return PARAMETRIC[request.param]()
