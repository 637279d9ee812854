"""How entangled a circuit really makes its qubits, followed gate by gate as far as time allows.

The state is kept as a matrix-product state in canonical form (Vidal 2003), updated without dividing by singular values
(Hastings 2009). Its bonds are the Schmidt ranks that `entanglement` only bounds: angles are read here.
"""

from __future__ import annotations

from math import log2
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Complexes = NDArray[np.complex128]

NEGLIGIBLE = 1e-16
"""Sum of squared Schmidt coefficients that is dropped at a bond, as Aer's matrix-product state does by default."""

_SWAP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)
_SILENT = frozenset(["barrier", "delay", "measure", "reset"])


def follow(circuit: QuantumCircuit, seconds: float, most_bits: float = 10.0) -> list[tuple[float, ...]]:
    """log2 of the Schmidt rank over the bonds that each gate on two qubits has acted on, once it has.

    One entry a gate on two qubits, in order: the bond to the left of the outermost qubits, those between them, and the
    one to their right, as in `entanglement.Crossing.bits`. It ends early after `seconds`, when a bond exceeds
    `most_bits`, and at a gate on more than two qubits. circuit: of gates, their parameters bound.
    """
    deadline = perf_counter() + seconds
    line = _Line(circuit.num_qubits)
    index = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    matrices: dict[tuple[str, tuple[float, ...]], Complexes] = {}
    found: list[tuple[float, ...]] = []
    for step in circuit.data:
        wires = [index[qubit] for qubit in step.qubits]
        if step.name in _SILENT or not wires:
            continue
        if len(wires) > 2 or perf_counter() > deadline:
            break
        if step.is_standard_gate():
            key = (step.name, tuple(map(float, step.params)))
            matrix = matrices.get(key)
            if matrix is None:
                matrix = matrices[key] = _matrix(step.operation)
        else:
            matrix = _matrix(step.operation)
        if len(wires) == 1:
            line.turn(matrix, wires[0])
            continue
        first, last = min(wires), max(wires)
        # Qiskit's first qubit is the low bit of the matrix; here the left one is the high bit.
        done = line.couple(matrix if wires[0] == last else _SWAP @ matrix @ _SWAP, first, last, 2.0**most_bits)
        found.append(line.bits(first, last))
        if not done:
            break
    return found


class _Line:
    """Qubits in a line, all in |0>. Tensors: (left bond, qubit, right bond), right-canonical; weights on their left."""

    def __init__(self, qubits: int) -> None:
        zero = np.zeros((1, 2, 1), dtype=complex)
        zero[0, 0, 0] = 1
        self._tensors: list[Complexes] = [zero] * qubits
        self._weights: list[NDArray[np.float64]] = [np.ones(1)] * qubits

    def turn(self, matrix: Complexes, qubit: int) -> None:
        """A gate on one qubit."""
        self._tensors[qubit] = np.einsum("ij,ajb->aib", matrix, self._tensors[qubit])

    def couple(self, matrix: Complexes, first: int, last: int, most: float) -> bool:
        """A gate on two qubits, `first` the high bit: brought together by swaps, and back.

        False as soon as a bond is more than `most`: the state is then none.
        """
        swaps = [(_SWAP, at) for at in range(last - 1, first, -1)]
        for one, at in (*swaps, (matrix, first), *reversed(swaps)):
            self._neighbours(one, at)
            if self._tensors[at].shape[2] > most:
                return False
        return True

    def bits(self, first: int, last: int) -> tuple[float, ...]:
        """log2 of the bonds from the left of `first` to the right of `last`."""
        sizes = [self._tensors[at].shape[0] for at in range(first, last + 1)]
        return tuple(log2(size) for size in (*sizes, self._tensors[last].shape[2]))

    def _neighbours(self, matrix: Complexes, at: int) -> None:
        left, right = self._tensors[at], self._tensors[at + 1]
        a, b = left.shape[0], right.shape[2]
        pair = np.tensordot(left, right, 1).reshape(a, 4, b)
        pair = np.matmul(matrix, pair).reshape(2 * a, 2 * b)
        weighted = (self._weights[at][:, None, None] * pair.reshape(a, 2, 2 * b)).reshape(2 * a, 2 * b)
        _, values, rows = np.linalg.svd(weighted, full_matrices=False)
        kept = _kept(values)
        values = values[:kept] / np.linalg.norm(values[:kept])
        rows = rows[:kept]
        self._tensors[at] = (pair @ rows.conj().T).reshape(a, 2, kept)
        self._tensors[at + 1] = rows.reshape(kept, 2, b)
        self._weights[at + 1] = values


def _kept(values: NDArray[np.float64]) -> int:
    dropped = np.cumsum(values[::-1] ** 2)
    return max(1, len(values) - int(np.searchsorted(dropped, NEGLIGIBLE * dropped[-1])))


def _matrix(operation: object) -> Complexes:
    from qiskit.quantum_info import Operator

    return np.asarray(Operator(operation).data, dtype=complex)
