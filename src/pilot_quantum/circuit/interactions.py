"""What a cut finder needs of a circuit: which qubits are in use, and what cutting each two-qubit gate costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pilot_quantum.circuit.standard import unitary_of
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

WIRE_OVERHEAD = 16.0
"""κ² of a wire cut without classical communication (Peng et al. 2020, arXiv:1904.00102)."""

NEGLIGIBLE = 1e-12
"""Below this a term of a gate's expansion counts as zero."""

_CONTROLLED = ("cx", "cy", "cz", "ch", "ecr")  # locally equal to CNOT
_EIGHTH = ("cs", "csdg", "csx")  # locally equal to a rotation by π/4
_FIXED = {
    **dict.fromkeys(_CONTROLLED, (9.0, 2)),
    **dict.fromkeys(_EIGHTH, ((1 + math.sqrt(2)) ** 2, 2)),
    **dict.fromkeys(("iswap", "dcx", "swap"), (49.0, 4)),
}
_ANGLE_SCALE = {"rxx": 1.0, "ryy": 1.0, "rzz": 1.0, "crx": 0.5, "cry": 0.5, "crz": 0.5, "cp": 0.5}


class Interaction(NamedTuple):
    """A two-qubit gate: its index in `circuit.data`, its circuit qubits, and what cutting it means.

    overhead: κ² of its quasi-probability decomposition. terms: operator-Schmidt rank, 1, 2 or 4.
    """

    index: int  # type: ignore[assignment]  # it shadows a method of tuple that nobody calls here
    first: int
    second: int
    overhead: float
    terms: int


@dataclass(frozen=True, slots=True)
class Interactions:
    """The two-qubit gates of a flat circuit in their order, and the qubits that any instruction acts on, rising.

    qubits: of the circuit, those without instructions included; they are in no fragment.
    """

    qubits: int
    used: tuple[int, ...]
    gates: tuple[Interaction, ...]


def interaction_cost(a: float, b: float, c: float) -> tuple[float, int]:
    """κ² and operator-Schmidt rank of every gate that is locally equal to exp(i(a·XX + b·YY + c·ZZ)), in radians.

    With exp(i(a·XX + b·YY + c·ZZ)) = Σ u_k P_k⊗P_k over the Paulis I, X, Y, Z, the decomposition of Mitarai and Fujii
    (2021, Quantum 5, 388, eq. 19), which needs neither ancillas nor communication, has the one-norm
    κ = 1 + 4·Σ_{j<k} (|Re u_j u_k*| + |Im u_j u_k*|). That is the least possible, 1 + 4·Σ_{j<k} |u_j||u_k| (Schmitt,
    Piveteau and Sutter 2024, arXiv:2312.11638), wherever one of a, b, c is zero, and for SWAP.
    """
    angles = np.array([0.0, a, b, c])
    signs = np.array([[1, 1, -1, 1], [1, 1, 1, -1], [1, -1, 1, 1], [1, -1, -1, -1]])  # of II, XX, YY, ZZ per Bell state
    expansion = signs.T @ np.exp(1j * (signs @ angles)) / 4
    products = np.outer(expansion, expansion.conj())[np.triu_indices(4, 1)]
    norm = 1 + 4 * float(np.abs(products.real).sum() + np.abs(products.imag).sum())
    return norm * norm, int(np.count_nonzero(np.abs(expansion) > NEGLIGIBLE))


def read_interactions(circuit: QuantumCircuit) -> Interactions:
    """The interactions of a Qiskit circuit.

    Raises CircuitError for what cannot be cut or needs a decision first: control flow, instructions on more than two
    qubits, two-qubit instructions without a matrix, unbound parameters in a two-qubit gate, and gates that follow a
    measurement of their qubit.
    """
    indices = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    known: dict[tuple[Any, ...], tuple[float, int]] = {}
    used: set[int] = set()
    measured: set[int] = set()
    gates = []
    for index, instruction in enumerate(circuit.data):
        name = instruction.name
        if name == "barrier":
            continue
        qubits = [indices[qubit] for qubit in instruction.qubits]
        used.update(qubits)
        if len(qubits) == 2:
            key = (name, *instruction.params) if instruction.is_standard_gate() else (index,)
            cost = known.get(key)
            if cost is None:
                cost = known[key] = _cost(instruction, index)
            gates.append(Interaction(index, qubits[0], qubits[1], *cost))
        elif len(qubits) != 1 or instruction.is_control_flow():
            _refuse(instruction, index, qubits)
        if name == "measure":
            measured.add(qubits[0])
        elif measured and not measured.isdisjoint(qubits):
            raise CircuitError(
                f"instruction {index}, '{name}', acts on qubit {min(measured.intersection(qubits))}, which was "
                "measured before it. Cutting needs measurements at the end: remove the measurement, or defer it."
            )
    return Interactions(len(indices), tuple(sorted(used)), tuple(gates))


def _cost(instruction: Any, index: int) -> tuple[float, int]:
    """κ² and rank of a two-qubit instruction."""
    name = instruction.name
    if instruction.is_control_flow():
        _refuse(instruction, index, instruction.qubits)
    if instruction.is_parameterized():
        unbound = sorted({str(each) for value in instruction.params for each in getattr(value, "parameters", ())})
        raise CircuitError(
            f"instruction {index}, '{name}', has unbound parameters ({', '.join(unbound)}); its sampling overhead "
            "depends on them. Bind them first: circuit.assign_parameters(...)."
        )
    if instruction.is_standard_gate():
        if name in _FIXED:
            return _FIXED[name]
        if name in _ANGLE_SCALE:
            sine = abs(math.sin(_ANGLE_SCALE[name] * float(instruction.params[0])))
            return (1 + 2 * sine) ** 2, 2 if sine > NEGLIGIBLE else 1
    return _cost_by_matrix(instruction, index)


def _cost_by_matrix(instruction: Any, index: int) -> tuple[float, int]:
    from qiskit.exceptions import QiskitError
    from qiskit.synthesis import TwoQubitWeylDecomposition

    try:
        weyl = TwoQubitWeylDecomposition(unitary_of(instruction))
    except (QiskitError, ValueError, TypeError) as fault:
        raise CircuitError(
            f"instruction {index}, '{instruction.name}', acts on two qubits and has no unitary matrix ({fault}). "
            "Only unitary two-qubit gates can be cut: decompose or remove it."
        ) from fault
    return interaction_cost(weyl.a, weyl.b, weyl.c)


def _refuse(instruction: Any, index: int, qubits: Any) -> None:
    if instruction.is_control_flow():
        raise CircuitError(
            f"instruction {index}, '{instruction.name}', is classical control flow, which cannot be cut. Unroll it, or "
            "run the circuit whole."
        )
    if qubits:
        raise CircuitError(
            f"instruction {index}, '{instruction.name}', acts on {len(qubits)} qubits; gates on at most two can be "
            "cut. Decompose it first: circuit.decompose(), or qiskit.transpile with a basis of two-qubit gates."
        )
