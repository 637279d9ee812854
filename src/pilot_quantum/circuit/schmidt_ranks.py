"""How entangled a circuit really makes its qubits, followed gate by gate as far as time allows.

The state is kept as a matrix-product state in canonical form (Vidal 2003), updated without dividing by singular values
(Hastings 2009). Its bonds are the Schmidt ranks that `entanglement` only bounds: angles are read here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log2, sqrt
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.meetings import SWAP, Sides, Widths, meetings, sides_of
from pilot_quantum.circuit.one_thread import one_thread
from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.circuit.standard import unitary_of

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

Complexes = NDArray[np.complex128]

NEGLIGIBLE = 1e-16
"""Sum of squared Schmidt coefficients that is dropped at a bond, as Aer's matrix-product state does by default."""

UNENTANGLED = 1e-12
"""The determinant of two qubits' amplitudes up to which they are a product: the smaller Schmidt coefficient at most."""

PIVOTED = 16
"""Rows and columns from which a decomposition with pivots comes first: it takes a fifth of one by singular values."""

CLEAR = 1e-6, 1e-12
"""Parts of the first pivot above which all singular values stay and below which none does; between, they are found."""

MOST_WIRES = 4
"""Qubits of a gate that is followed."""

EACH = 8
"""Meetings after which what will come is looked at again."""

Foresee = Callable[[Sequence[Sequence[Sides]]], float]

_SWAP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=complex)


@dataclass(frozen=True, slots=True)
class Patience:
    """How far a circuit is followed. seconds: at most. bits: of a bond, at most. foresee: what the whole will cost
    somebody at least, by the sides of the meetings so far; asked now and then, after `trial` seconds; most: what it may
    cost.
    """

    seconds: float = inf
    bits: float = inf
    foresee: Foresee = lambda found: 0.0
    most: float = inf
    trial: float = 0.0


def follow(circuit: QuantumCircuit, patience: Patience) -> Widths:
    """The bonds of the circuit's qubits as they really are: of every meeting, and after the last of them.

    It ends early when patience ends, and at a gate on more than `MOST_WIRES` qubits. circuit: of gates without unbound
    parameters.
    """
    from scipy.linalg import lapack  # type: ignore[import-untyped]

    with one_thread():
        return _follow(circuit, perf_counter(), patience, _Line(circuit.num_qubits, lapack))


def _follow(circuit: QuantumCircuit, began: float, patience: Patience, line: _Line) -> Widths:
    skeleton = read_skeleton(circuit)
    ahead = iter(meetings(skeleton))
    matrices: dict[tuple[str, tuple[float, ...]], Complexes] = {}
    found: list[tuple[Sides, ...]] = []
    for wires, place in zip(skeleton.wires, skeleton.places, strict=True):
        if len(wires) > MOST_WIRES or perf_counter() > began + patience.seconds:
            break
        step = circuit.data[place]
        if step.is_standard_gate():
            key = (step.name, tuple(map(float, step.params)))
            matrix = matrices.get(key)
            if matrix is None:
                matrix = matrices[key] = step.operation.to_matrix()
        else:
            matrix = unitary_of(step)
        if len(wires) == 1:
            line.turn(matrix, wires[0])
            continue
        meeting = next(ahead)
        sides: list[Sides] = []
        for at in meeting.swaps:
            sides.append(line.sides(at))
            if line.couple(_SWAP, at) > patience.bits:
                return Widths((*found, tuple(sides)), line.widths())
        if step.name == SWAP:
            matrix = _SWAP
        else:
            line.moved(meeting.swaps)
            matrix = _turned(matrix, wires, meeting.qubits)
        widest = line.couple(matrix, meeting.at)
        sides += sides_of(line.bonds(meeting.at, len(wires)))
        found.append(tuple(sides))
        asked = len(found) % EACH == 0 and perf_counter() > began + patience.trial
        if widest > patience.bits or (asked and patience.foresee(found) > patience.most):
            break
    return Widths(tuple(found), line.widths())


def _turned(matrix: Complexes, wires: Sequence[int], qubits: Sequence[int]) -> Complexes:
    """A gate's matrix, its first qubit the low bit, as one on `qubits` in this order, the first the high bit."""
    width = len(wires)
    if width == 2:
        return matrix if wires[1] == qubits[0] else _SWAP @ matrix @ _SWAP
    axes = [width - 1 - wires.index(qubit) for qubit in qubits]
    return matrix.reshape((2,) * 2 * width).transpose(axes + [width + axis for axis in axes]).reshape(matrix.shape)


class _Line:
    """Qubits in a line, all in |0>. Tensors: (left bond, qubit, right bond), right-canonical; weights on their left.

    Weights W are what is left of them, up to a unitary: Schmidt coefficients, or a matrix where W†W is the state of the
    bond. lapack: SciPy's; NumPy's singular value decomposition takes twice as long on small matrices.
    """

    def __init__(self, qubits: int, lapack: Any) -> None:
        self._lapack = lapack
        zero = np.zeros((1, 2, 1), dtype=complex)
        zero[0, 0, 0] = 1
        self._tensors: list[Complexes] = [zero] * qubits
        self._weights: list[NDArray[Any]] = [np.ones(1)] * qubits
        self._order = list(range(qubits))

    def turn(self, matrix: Complexes, qubit: int) -> None:
        """A gate on one qubit."""
        at = self._order.index(qubit)
        self._tensors[at] = np.matmul(matrix, self._tensors[at])

    def moved(self, swaps: Sequence[int]) -> None:
        """The qubits at these places and the next have changed places."""
        for at in swaps:
            self._order[at], self._order[at + 1] = self._order[at + 1], self._order[at]

    def sides(self, at: int) -> Sides:
        """log2 of the bonds around places `at` and the next."""
        return log2(self._tensors[at].shape[0]), log2(self._tensors[at + 1].shape[2])

    def widths(self) -> tuple[float, ...]:
        """log2 of all bonds."""
        return tuple([log2(tensor.shape[2]) for tensor in self._tensors[:-1]])

    def bonds(self, at: int, width: int) -> list[float]:
        """log2 of the bonds left of `width` places from `at` on, and right of the last."""
        dimensions = [self._tensors[at].shape[0]] + [self._tensors[i].shape[2] for i in range(at, at + width)]
        return [log2(each) for each in dimensions]

    def _pass(self, at: int) -> float:
        """Swap two neighbours of which one is not entangled with anything; log2 of the bond between them then."""
        first, last = self._tensors[at], self._tensors[at + 1]
        if first.size == last.size:
            self._tensors[at], self._tensors[at + 1] = last, first
            return 0.0
        if first.size == 2:
            bond = last.shape[2]
            left, right = last, np.einsum("ab,s->asb", np.eye(bond), first.reshape(2))
            weights = self._weights[at + 2] if at + 2 < len(self._weights) else np.ones(1)
        else:
            bond = first.shape[0]
            left, right = np.einsum("ab,s->asb", np.eye(bond), last.reshape(2)), first
            weights = self._weights[at]
        self._tensors[at], self._tensors[at + 1], self._weights[at + 1] = left, right, weights
        return log2(bond)

    def _turn_both(self, matrix: Complexes, at: int) -> bool:
        """Act on two neighbours that are not entangled with anything; false where they would be after it."""
        (p, q), (r, s) = self._tensors[at].ravel().tolist(), self._tensors[at + 1].ravel().tolist()
        a, b, c, d = (matrix @ np.array([p * r, p * s, q * r, q * s])).tolist()
        if abs(a * d - b * c) > UNENTANGLED:
            return False
        r, s = (a, b) if abs(a) + abs(b) > abs(c) + abs(d) else (c, d)
        norm = sqrt(abs(r) ** 2 + abs(s) ** 2)
        r, s = r / norm, s / norm
        u, v = r.conjugate(), s.conjugate()
        self._tensors[at] = np.array([[[a * u + b * v], [c * u + d * v]]])
        self._tensors[at + 1] = np.array([[[r], [s]]])
        return True

    def couple(self, matrix: Complexes, at: int) -> float:
        """Act on places from `at`, the highest bit, on; log2 of the widest bond between them."""
        width = len(matrix).bit_length() - 1
        first, last = self._tensors[at], self._tensors[at + width - 1]
        if matrix is _SWAP and 2 in (first.size, last.size):
            return self._pass(at)
        if width == 2 and first.size == last.size == 2 and self._turn_both(matrix, at):
            return 0.0
        a, b = first.shape[0], last.shape[2]
        block = first
        for tensor in self._tensors[at + 1 : at + width]:
            block = block.reshape(-1, tensor.shape[0]) @ tensor.reshape(tensor.shape[0], -1)
        if matrix is _SWAP:
            block = block.reshape(a, 2, 2, b).swapaxes(1, 2)
        else:
            block = np.matmul(matrix, block.reshape(a, 2**width, b))
        widest = 1
        for i in reversed(range(1, width)):
            block = block.reshape(a << i, 2 * b)
            weights, flat = self._weights[at], block.reshape(a, -1)
            weighted = (weights[:, None] * flat if weights.ndim == 1 else weights @ flat).reshape(block.shape)
            columns, self._weights[at + i] = self._halved(weighted)
            kept = columns.shape[1]
            block = block @ columns.conj()
            self._tensors[at + i] = columns.T.reshape(kept, 2, b)
            b, widest = kept, max(widest, kept)
        self._tensors[at] = block.reshape(a, 2, b)
        return log2(widest)

    def _halved(self, weighted: Complexes) -> tuple[Complexes, NDArray[Any]]:
        """Orthonormal columns C, as few as hold what is not negligible of `weighted` = N Cᵀ, and the weights that N is.

        LAPACK wants matrices turned about.
        """
        if min(weighted.shape) >= PIVOTED:
            factors, _, reflectors, *_ = self._lapack.zgeqp3(weighted.T)
            pivots: list[float] = np.abs(factors.diagonal()).tolist()
            most, none = (pivots[0] * part for part in CLEAR)
            kept = sum(pivot > none for pivot in pivots)
            if pivots[kept - 1] > most:
                columns = self._lapack.zungqr(factors[:, :kept], reflectors[:kept])[0]
                upper = self._lapack.zgeqrf(weighted @ columns.conj(), overwrite_a=1)[0][:kept]
                return columns, np.triu(upper)
        columns, values, _, failed = self._lapack.zgesdd(weighted.T, full_matrices=0, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError(f"a decomposition of {weighted.shape} numbers does not converge")
        kept = _kept(values)
        values = values[:kept]
        return columns[:, :kept], values / sqrt(values @ values)


def _kept(values: NDArray[np.float64]) -> int:
    """How many of them, the largest first, are not negligible."""
    negligible = NEGLIGIBLE * float(values @ values)
    dropped = 0.0
    falling: list[float] = values.tolist()
    while len(falling) > 1:
        dropped += falling[-1] ** 2
        if dropped > negligible:
            break
        falling.pop()
    return len(falling)
