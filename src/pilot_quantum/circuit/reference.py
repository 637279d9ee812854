"""An exact state-vector simulator in numpy, small enough to trust: what results are checked against.

It shares nothing with the simulators that tasks run: it reads our own `Program`, not a file and not a
Qiskit circuit, and takes its gates from the table below. Amplitudes are complex128; 24 qubits take 256 MiB.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Iterator
from math import cos, sin, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.observable import Observable, Term
from pilot_quantum.circuit.program import Gate, Program

Matrix: TypeAlias = tuple[complex, complex, complex, complex]  # rows: (0,0), (0,1), (1,0), (1,1)
Step: TypeAlias = tuple[tuple[int, ...], int, Matrix]  # controls, target, what happens where all controls are 1
State: TypeAlias = NDArray[np.complex128]

_HALF = 1 / sqrt(2)


def _rx(angle: float) -> Matrix:
    return cos(angle / 2), -1j * sin(angle / 2), -1j * sin(angle / 2), cos(angle / 2)


def _ry(angle: float) -> Matrix:
    return cos(angle / 2), -sin(angle / 2), sin(angle / 2), cos(angle / 2)


def _rz(angle: float) -> Matrix:
    return exp(-0.5j * angle), 0, 0, exp(0.5j * angle)


def _p(angle: float) -> Matrix:
    return 1, 0, 0, exp(1j * angle)


_X: Matrix = (0, 1, 1, 0)
_FIXED: dict[str, Matrix] = {
    "h": (_HALF, _HALF, _HALF, -_HALF),
    "x": _X,
    "cx": _X,
    "ccx": _X,
    "y": (0, -1j, 1j, 0),
    "z": (1, 0, 0, -1),
    "cz": (1, 0, 0, -1),
    "s": (1, 0, 0, 1j),
    "sdg": (1, 0, 0, -1j),
    "t": (1, 0, 0, _HALF + _HALF * 1j),
    "tdg": (1, 0, 0, _HALF - _HALF * 1j),
    "sx": (0.5 + 0.5j, 0.5 - 0.5j, 0.5 - 0.5j, 0.5 + 0.5j),
}
_TURNED: dict[str, Callable[[float], Matrix]] = {
    "rx": _rx,
    "ry": _ry,
    "cry": _ry,
    "rz": _rz,
    "p": _p,
    "cp": _p,
}


def state(program: Program) -> State:
    """The exact final state before measurement: shape (2ⁿ,), qubit 0 the least significant bit of the index.

    Gates follow the OpenQASM 3 specification, standard library (https://openqasm.com/language/standard_library.html).
    """
    psi = np.ones(1, dtype=np.complex128)
    for controls, target, matrix in _fused(program.gates):
        psi = _grown(psi, 1 + max((*controls, target)))  # qubits not yet touched are 0 and need no amplitudes
        _apply(psi, controls, target, matrix)
    return _grown(psi, program.qubits)


def expectation(psi: State, observable: Observable) -> float:
    """The exact value ⟨ψ|O|ψ⟩."""
    return sum(term.coefficient * _pauli_value(psi, term) for term in observable.terms)


def probabilities(psi: State, measured: int) -> dict[str, float]:
    """Each outcome of the first `measured` qubits with its probability, if above 1e-12; qubit 0 is last."""
    marginal = (np.abs(psi) ** 2).reshape(-1, 2**measured).sum(axis=0)
    return {format(index, f"0{measured}b"): float(marginal[index]) for index in np.flatnonzero(marginal > 1e-12)}


def _grown(psi: State, qubits: int) -> State:
    """The state with further qubits in |0⟩, so that it has at least `qubits`."""
    if psi.size >= 2**qubits:
        return psi
    grown = np.zeros(2**qubits, dtype=np.complex128)
    grown[: psi.size] = psi
    return grown


def _fused(gates: tuple[Gate, ...]) -> Iterator[Step]:
    """The steps of all gates, neighbouring ones on one qubit multiplied: one pass over the state instead of several."""
    open_: dict[int, Matrix] = {}
    for gate in gates:
        for controls, target, matrix in _steps(gate):
            if not controls:
                before = open_.pop(target, None)
                open_[target] = matrix if before is None else _times(matrix, before)
                continue
            for qubit in (*controls, target):
                if qubit in open_:
                    yield (), qubit, open_.pop(qubit)
            yield controls, target, matrix
    for qubit, matrix in open_.items():
        yield (), qubit, matrix


def _steps(gate: Gate) -> Iterator[Step]:
    """The gate as controlled one-qubit matrices, in order."""
    match gate.name, gate.qubits:
        case "swap", (a, b):
            yield from (((a,), b, _X), ((b,), a, _X), ((a,), b, _X))
        case "rzz", (a, b):  # RZ(t) where a is 0, RZ(-t) where a is 1
            yield from (((), b, _rz(gate.angles[0])), ((a,), b, _rz(-2 * gate.angles[0])))
        case name, (*controls, target):
            yield tuple(controls), target, _TURNED[name](*gate.angles) if gate.angles else _FIXED[name]


def _times(left: Matrix, right: Matrix) -> Matrix:
    (a, b, c, d), (e, f, g, h) = left, right
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


def _apply(psi: State, controls: tuple[int, ...], target: int, matrix: Matrix) -> None:
    """Apply `matrix` to `target` in place, where all controls are 1."""
    qubits = psi.size.bit_length() - 1
    tensor = psi.reshape((2,) * qubits)  # axis of qubit q: qubits - 1 - q
    index: list[int | slice] = [slice(None)] * qubits
    for control in controls:
        index[qubits - 1 - control] = 1
    index[qubits - 1 - target] = 0
    low = tensor[(*index, ...)]  # the ellipsis: a view even where every index is a number
    index[qubits - 1 - target] = 1
    high = tensor[(*index, ...)]
    m00, m01, m10, m11 = matrix
    if m01 == 0 and m10 == 0:
        if m00 != 1:
            np.multiply(low, m00, out=low)
        np.multiply(high, m11, out=high)
        return
    before = low.copy()
    np.multiply(low, m00, out=low)
    low += m01 * high
    np.multiply(high, m11, out=high)
    high += m10 * before


def _pauli_value(psi: State, term: Term) -> float:
    """⟨ψ|P|ψ⟩ of one Pauli string."""
    qubits = psi.size.bit_length() - 1
    tensor = psi.reshape((2,) * qubits)
    if all(pauli == "Z" for _, pauli in term.paulis):
        weights = np.abs(tensor) ** 2
        return float(_signed(weights, [qubit for qubit, _ in term.paulis], qubits).sum())
    # P|x⟩ = i^(number of Y) (-1)^(x on Y and Z) |x with X and Y flipped⟩
    flips = {qubit for qubit, pauli in term.paulis if pauli in "XY"}
    signs = [qubit for qubit, pauli in term.paulis if pauli in "YZ"]
    reverse = tuple(slice(None, None, -1 if qubits - 1 - axis in flips else 1) for axis in range(qubits))
    product = np.conj(tensor[reverse]) * tensor
    phase = 1j ** sum(pauli == "Y" for _, pauli in term.paulis)
    return float((phase * _signed(product, signs, qubits).sum()).real)


def _signed(values: NDArray[np.generic], signs: list[int], qubits: int) -> NDArray[np.generic]:
    """Fold the axes of the qubits in `signs` with the sign (-1)^bit."""
    axes = sorted((qubits - 1 - qubit for qubit in signs), reverse=True)
    for axis in axes:
        values = np.take(values, 0, axis=axis) - np.take(values, 1, axis=axis)
    return values
