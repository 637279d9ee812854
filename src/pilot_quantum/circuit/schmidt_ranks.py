"""How entangled a circuit really makes its qubits, followed gate by gate as far as time allows.

The state is kept as a matrix-product state in canonical form (Vidal 2003), updated without dividing by singular values
(Hastings 2009). Its bonds are the Schmidt ranks that `entanglement` only bounds: angles are read here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, log2
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from pilot_quantum.circuit.meetings import Sides, meetings
from pilot_quantum.circuit.skeleton import read_skeleton

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Complexes = NDArray[np.complex128]

NEGLIGIBLE = 1e-16
"""Sum of squared Schmidt coefficients that is dropped at a bond, as Aer's matrix-product state does by default."""

_SWAP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)


@dataclass(frozen=True, slots=True)
class Patience:
    """How far a circuit is followed. seconds: at most. bits: of a bond, at most. price: what one meeting, or a swap
    before it, costs somebody, by its sides; most: what all may cost, as soon as it is foreseeable that they cost more,
    at the price of the last.
    """

    seconds: float = inf
    bits: float = inf
    price: Callable[[float, float], float] = lambda left, right: 0.0
    most: float = inf


def follow(circuit: QuantumCircuit, patience: Patience) -> list[tuple[Sides, ...]]:
    """The sides of every meeting of the circuit's qubits as they really are, see `meetings.Bounds`.

    It ends early when patience ends, and at a gate on more than two qubits. circuit: of gates, their parameters bound.
    """
    with _blas().limit(limits=1):  # matrices are small, and the session's other cores are busy
        return _follow(circuit, perf_counter() + patience.seconds, patience)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _follow(circuit: QuantumCircuit, deadline: float, patience: Patience) -> list[tuple[Sides, ...]]:
    skeleton = read_skeleton(circuit)
    all_meetings = meetings(skeleton)
    ahead, left = iter(all_meetings), sum([1 + len(meeting.swaps) for meeting in all_meetings])
    spent = 0.0
    line = _Line(circuit.num_qubits)
    matrices: dict[tuple[str, tuple[float, ...]], Complexes] = {}
    found: list[tuple[Sides, ...]] = []
    for wires, place in zip(skeleton.wires, skeleton.places, strict=True):
        if len(wires) > 2 or perf_counter() > deadline:
            break
        step = circuit.data[place]
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
        meeting = next(ahead)
        # The first qubit is the low bit of Qiskit's matrix; here the left one is the high bit.
        matrix = _SWAP @ matrix @ _SWAP if wires[0] == meeting.left else matrix
        sides: list[Sides] = []
        for one, at in (*((_SWAP, at) for at in meeting.swaps), (matrix, meeting.at)):
            sides.append(line.sides(at))
            if line.couple(one, at) > patience.bits:
                return [*found, tuple(sides)]
        line.moved(meeting.swaps)
        found.append(tuple(sides))
        prices = [patience.price(*each) for each in sides]
        spent, left = spent + sum(prices), left - len(prices)
        if spent + left * prices[-1] > patience.most:
            break
    return found


class _Line:
    """Qubits in a line, all in |0>. Tensors: (left bond, qubit, right bond), right-canonical; weights on their left."""

    def __init__(self, qubits: int) -> None:
        zero = np.zeros((1, 2, 1), dtype=complex)
        zero[0, 0, 0] = 1
        self._tensors: list[Complexes] = [zero] * qubits
        self._weights: list[NDArray[np.float64]] = [np.ones(1)] * qubits
        self._order = list(range(qubits))

    def turn(self, matrix: Complexes, qubit: int) -> None:
        """A gate on one qubit."""
        at = self._order.index(qubit)
        self._tensors[at] = np.einsum("ij,ajb->aib", matrix, self._tensors[at])

    def moved(self, swaps: Sequence[int]) -> None:
        """The qubits at these places and the next have changed places."""
        for at in swaps:
            self._order[at], self._order[at + 1] = self._order[at + 1], self._order[at]

    def sides(self, at: int) -> Sides:
        """log2 of the bonds around places `at` and the next."""
        return log2(self._tensors[at].shape[0]), log2(self._tensors[at + 1].shape[2])

    def couple(self, matrix: Complexes, at: int) -> float:
        """Act on places `at`, the high bit, and the next; log2 of the bond between them."""
        left, right = self._tensors[at], self._tensors[at + 1]
        if matrix is _SWAP and left.size == right.size == 2:  # neither is entangled with anything
            self._tensors[at], self._tensors[at + 1] = right, left
            return 0.0
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
        return log2(kept)


def _kept(values: NDArray[np.float64]) -> int:
    dropped = np.cumsum(values[::-1] ** 2)
    return max(1, len(values) - int(np.searchsorted(dropped, NEGLIGIBLE * dropped[-1])))


def _matrix(operation: object) -> Complexes:
    from qiskit.quantum_info import Operator

    return np.asarray(Operator(operation).data, dtype=complex)
