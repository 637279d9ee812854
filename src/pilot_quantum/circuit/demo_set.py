"""The shipped circuits: which programs, in which format, and what is asked of each."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePath

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import openqasm2, openqasm3, qiskit_circuit
from pilot_quantum.circuit.program import Program

QPY_VERSION = 13
"""Readable by every Qiskit that this package supports."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One file of the set.

    file: its name; `.qasm` is OpenQASM 2, `.qasm3` OpenQASM 3, `.qpy` may hold several programs.
    observables: what is asked of each program; empty when it is sampled instead.
    shots: for sampling; 0 with observables, whose values are exact.
    """

    file: str
    programs: tuple[Program, ...]
    observables: tuple[str, ...] = ()
    shots: int = 0


def content(entry: Shipped) -> bytes:
    """The bytes of the file."""
    match PurePath(entry.file).suffix:
        case ".qasm":
            return openqasm2(entry.programs[0]).encode()
        case ".qasm3":
            return openqasm3(entry.programs[0]).encode()
        case ".qpy":
            from qiskit import qpy

            stream = io.BytesIO()
            qpy.dump([qiskit_circuit(program) for program in entry.programs], stream, version=QPY_VERSION)
            return stream.getvalue()
        case other:
            raise ValueError(f"{entry.file}: no writer for {other!r}")


def _qaoa(nodes: int, layers: int) -> Program:
    gammas = tuple(0.6 + 0.1 * layer for layer in range(layers))
    betas = tuple(0.4 - 0.1 * layer for layer in range(layers))
    return families.qaoa(nodes, families.regular_graph(nodes, 3, seed=nodes), gammas, betas)


def _valued(suffix: str, program: Program, *observables: str) -> Shipped:
    return Shipped(f"{program.name}.{suffix}", (program,), observables)


def _sampled(suffix: str, program: Program, shots: int = 4096) -> Shipped:
    return Shipped(f"{program.name}.{suffix}", (program,), shots=shots)


DEMO_SET = (
    # exact expectation values
    _valued("qasm", families.ghz(24), "Z0 Z23", "Z" * 24, "X" * 24),
    _valued("qasm3", families.ghz(12), "Z0 Z11", "X" * 12, "Y" * 12),
    _valued("qasm", families.w_state(16), "Z0", "X0 X15 + Y0 Y15"),
    _valued("qasm3", families.w_state(24), "Z0 Z23", "X3 X4"),
    _valued("qasm", families.qft(10, 682), "X9", "Y9", "X0 Z1"),
    _valued("qasm3", families.qft(14, 5461), "X13", "X12", "Y12 X13"),
    _valued("qasm", families.efficient_su2(8, 3, seed=8), "ZZIIIIII", "0.5*XXIIIIII - 1.25*IIIIIIYY", "Z7"),
    _valued("qasm3", families.efficient_su2(12, 2, seed=12), "Z0 Z1 + Z5 Z6 + Z10 Z11", "X0 Y1 Z2"),
    _valued("qasm", families.efficient_su2(18, 2, seed=18), "Z17", "Z0 Z1", "X8 X9"),
    _valued("qasm", families.tfim(10, 6, 1.2), "Z4 Z5", "X0", "-1.0*Z0 Z1 - 1.0*X0"),
    _valued("qasm3", families.tfim(16, 4, 0.8), "Z7 Z8", "X7", "Z0 Z15"),
    _valued("qasm", families.tfim(20, 2, 0.5), "Z9 Z10", "X9"),
    _valued("qasm", _qaoa(8, 2), "Z0 Z1", "X0", "Z0 Z1 Z2 Z3"),
    _valued("qasm3", _qaoa(14, 2), "Z0 Z1 + Z1 Z2 + Z2 Z3", "X13"),
    _valued("qasm", _qaoa(20, 1), "Z0 Z19", "X0 + X19"),
    _valued("qasm3", families.brickwork(9, 8, seed=9), "Z0 Z1", "X4 Y5", "ZZZZZZZZZ"),
    _valued("qasm", families.brickwork(15, 5, seed=15), "Z7", "X7 X8"),
    _valued("qasm", families.clifford(13, 60, seed=13), "Z0", "Z1 Z2", "X0 X1", "Y3"),
    _valued("qasm3", families.clifford(21, 50, seed=21), "Z0", "X5", "Z8 Z9"),
    Shipped(
        "batch.qpy",
        (
            families.efficient_su2(4, 2, seed=4),
            families.brickwork(5, 6, seed=5),
            _qaoa(6, 2),
            families.tfim(7, 4, 1.0),
        ),
        ("Z0 Z1", "X0 Y1 + 0.25", "Z0 X1 Z2"),
    ),
    # the heavy ones
    _valued("qasm", families.efficient_su2(22, 1, seed=22), "Z0 Z1", "X21", "Y10 Z11"),
    _valued("qasm3", families.tfim(22, 2, 0.6), "Z10 Z11", "X0"),
    _valued("qasm", _qaoa(22, 1), "Z0 Z21", "X0"),
    _valued("qasm", families.efficient_su2(21, 2, seed=21), "Z0", "X10 X11"),
    _valued("qasm3", families.brickwork(23, 2, seed=23), "Z11 Z12", "X22"),
    # samples
    _sampled("qasm", families.ghz(4, measured=True)),
    _sampled("qasm3", families.w_state(6, measured=True)),
    _sampled("qasm", families.bernstein_vazirani("1011001", measured=True)),
    _sampled("qasm3", families.bernstein_vazirani("1101" * 4 + "011", measured=True)),
    _sampled("qasm3", families.grover("1011", measured=True)),
    _sampled("qasm", families.qft(5, 11)),  # no measurement: the sampler adds them
    _sampled("qasm", families.clifford(6, 40, seed=6, measured=True)),
)
"""4 to 24 qubits, ten families, three formats."""
