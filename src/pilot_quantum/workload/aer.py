"""Qiskit Aer as a worker uses it: what it needs of a circuit is made once, then run with many angles.

`AerSimulator.run` makes Aer's own circuit anew in each call, 2 ms for 107 gates on 10 qubits whose simulation takes
0.5 ms. So final states go through Aer's lower level, the same that `run` calls (qiskit-aer 0.17 and 0.18); all else,
where every shot is simulated anyway, goes through `run`.
"""

from __future__ import annotations

import pilot_quantum.workload.blas  # noqa: F401 - before Aer loads its library

# isort: split
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Pauli
from qiskit_aer import AerSimulator
from qiskit_aer.backends.aer_compiler import assemble_circuits, generate_aer_config

from pilot_quantum.errors import SimulationError
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.program import Floats, Program

Complexes = NDArray[np.complex128]


def cores() -> int:
    """Cores of the slot that this process runs in: as many threads may Aer use."""
    return int(os.environ.get("PILOT_QUANTUM_CORES", "1"))


@cache
def simulator(method: Method) -> AerSimulator:
    """The simulator of this process for `method`, with Aer's defaults (double precision, gate fusion on).

    Singular values by LAPACK: as fast as Aer's own way, whose rounding left values wrong by 1e-10 and more.
    """
    return AerSimulator(method=method.value, mps_lapack=True)


class Evolution:
    """Circuits of one structure, ready to be run with any angles."""

    def __init__(self, program: Program) -> None:
        circuit = program.circuit()
        circuit.save_statevector()
        backend = simulator(Method.STATEVECTOR)
        self._circuits, (index,) = assemble_circuits([circuit])
        self._circuits[0].circ_id = 0
        self._config = generate_aer_config([circuit], backend.options)
        self._places = [(index[step], position) for step, position in program.places]

    def final_state(self, angles: Floats) -> Complexes:
        """The 2^qubits amplitudes at the end, with these angles in place of the gates' own. Raises SimulationError."""
        self._config.max_parallel_threads = cores()
        if self._places:
            bound = [(place, [angle]) for place, angle in zip(self._places, angles.tolist(), strict=True)]
            self._config.parameterizations = [bound]
        output = simulator(Method.STATEVECTOR)._execute_circuits(self._circuits, None, self._config)
        _check(output.get("success", False), output.get("status"), output.get("results"))
        return np.asarray(output["results"][0]["data"]["statevector"])


def outcomes(circuit: QuantumCircuit, method: Method, shots: int, seed: int) -> NDArray[np.uint8]:
    """Classical bits of every shot of a bound circuit, as little-endian bytes: shape (shots, bytes).

    Raises SimulationError.
    """
    result = _run(circuit, method, shots=shots, seed_simulator=seed, memory=True)
    texts = result.data(0).get("memory") or ["0x0"] * shots
    width = -(-circuit.num_clbits // 8) or 1
    keep = (1 << circuit.num_clbits) - 1  # above these, Aer keeps the circuit's variables
    packed = b"".join([(int(text, 16) & keep).to_bytes(width, "little") for text in texts])
    return np.frombuffer(packed, dtype=np.uint8).reshape(shots, width)


def expectations(circuit: QuantumCircuit, labels: Sequence[str], method: Method) -> Floats:
    """Expectation values of Pauli strings at the end of a bound circuit, by `method`. Raises SimulationError."""
    circuit = circuit.copy()
    for label in labels:
        # On all qubits: read from a few, Aer's matrix-product state may be wrong (by 0.5 on 40 qubits).
        circuit.save_expectation_value(Pauli(label), circuit.qubits, label=label)
    data = _run(circuit, method, shots=1).data(0)
    return np.array([data[label] for label in labels], dtype=float)


def _run(circuit: QuantumCircuit, method: Method, **options: Any) -> Any:
    result = simulator(method).run(circuit, max_parallel_threads=cores(), **options).result()
    _check(result.success, result.status, [vars(each) for each in result.results])
    return result


def _check(success: bool, status: Any, results: Any) -> None:
    if not success:
        each = "; ".join(str(result.get("status")) for result in results or ())
        raise SimulationError(f"Qiskit Aer: {status} {each}".rstrip())
