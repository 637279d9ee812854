"""Random circuits for property tests, as Qiskit has them."""

from __future__ import annotations

from hypothesis import strategies as st

ONE = ("h", "x", "s", "t", "sx", "id")
ONE_ANGLE = ("rx", "ry", "rz", "p")
TWO = ("cx", "cy", "cz", "swap", "iswap", "ecr", "ch", "dcx")
TWO_ANGLE = ("rzz", "rxx", "ryy", "rzx", "cp", "crx", "cry", "crz")
THREE = ("ccx", "ccz", "cswap")


@st.composite
def random_circuits(draw, most_qubits=6, most_gates=24):
    """A Qiskit circuit of named gates, and of a few that only their qubits are known of."""
    from qiskit.circuit import QuantumCircuit
    from qiskit.circuit.library import UnitaryGate
    from qiskit.quantum_info import random_unitary

    qubits = draw(st.integers(1, most_qubits))
    circuit = QuantumCircuit(qubits)
    for _ in range(draw(st.integers(0, most_gates))):
        names = ONE + ONE_ANGLE
        names += TWO + TWO_ANGLE + ("unitary",) if qubits > 1 else ()
        names += THREE if qubits > 2 else ()
        name = draw(st.sampled_from(names))
        arity = 1 if name in ONE + ONE_ANGLE else 3 if name in THREE else 2
        wires = draw(st.permutations(range(qubits)))[:arity]
        if name == "unitary":
            circuit.append(UnitaryGate(random_unitary(4, seed=draw(st.integers(0, 99)))), wires)
        else:
            angles = [draw(st.floats(-3, 3))] if name in ONE_ANGLE + TWO_ANGLE else []
            getattr(circuit, name)(*angles, *wires)
    return circuit


def terms_on(qubits):
    """A Pauli term on so many qubits: a letter on some of them."""
    return st.dictionaries(st.integers(0, qubits - 1), st.sampled_from("XYZ"), max_size=qubits)
