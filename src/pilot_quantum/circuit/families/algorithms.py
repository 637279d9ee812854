"""Textbook algorithms: the Fourier transform, Bernstein-Vazirani, Grover."""

from __future__ import annotations

from math import asin, floor, pi, sqrt

from pilot_quantum.circuit.program import Gate, Program, gate


def qft(qubits: int, value: int, *, measured: bool = False) -> Program:
    """The quantum Fourier transform of the basis state |value⟩: Σ_k exp(2πi·value·k/2ⁿ)|k⟩/√2ⁿ.

    Coppersmith's circuit (Nielsen and Chuang 2010, §5.1), final swaps included.
    """
    gates = [gate("x", qubit) for qubit in range(qubits) if value >> qubit & 1]
    for qubit in reversed(range(qubits)):
        gates.append(gate("h", qubit))
        gates += [gate("cp", lower, qubit, angle=pi / 2 ** (qubit - lower)) for lower in reversed(range(qubit))]
    gates += [gate("swap", qubit, qubits - 1 - qubit) for qubit in range(qubits // 2)]
    return Program(f"qft-{qubits}", "QFT", qubits, tuple(gates), qubits if measured else 0)


def bernstein_vazirani(secret: str, *, measured: bool = False) -> Program:
    """Finds the bits of `secret` (its last character is qubit 0) with one call of the oracle.

    The last qubit is the oracle's ancilla; the only outcome on the others is `secret` (Bernstein and
    Vazirani 1997).
    """
    ancilla = len(secret)
    gates = [gate("x", ancilla)] + [gate("h", qubit) for qubit in range(ancilla + 1)]
    gates += [gate("cx", qubit, ancilla) for qubit, bit in enumerate(reversed(secret)) if bit == "1"]
    gates += [gate("h", qubit) for qubit in range(ancilla + 1)]
    return Program(f"bv-{ancilla + 1}", "Bernstein-Vazirani", ancilla + 1, tuple(gates), ancilla if measured else 0)


def grover(marked: str, *, measured: bool = False) -> Program:
    """Search for the string `marked` (at least 3 bits, the last is qubit 0) in the best number of rounds.

    Succeeds with probability sin²((2r+1)·t) after r = ⌊π/(4t)⌋ rounds, t = asin(2^(-n/2)) (Boyer et al.
    1998).
    The n-2 ancillas after the n search qubits hold the partial products of a ladder of Toffoli gates.
    """
    search = len(marked)
    rounds = floor(pi / 4 / asin(sqrt(0.5**search)))
    zeros = [gate("x", qubit) for qubit, bit in enumerate(reversed(marked)) if bit == "0"]
    every_h = [gate("h", qubit) for qubit in range(search)]
    every_x = [gate("x", qubit) for qubit in range(search)]
    phase = _phase_of_all_ones(search)
    once = [*zeros, *phase, *zeros, *every_h, *every_x, *phase, *every_x, *every_h]
    width = 2 * search - 2
    return Program(f"grover-{width}", "Grover", width, tuple(every_h + once * rounds), search if measured else 0)


def _phase_of_all_ones(search: int) -> list[Gate]:
    """-1 on |1…1⟩ of the first `search` qubits: Toffolis into the ancillas, a CZ, the Toffolis back."""
    ladder = [gate("ccx", 0, 1, search)]
    ladder += [gate("ccx", step + 1, search + step - 1, search + step) for step in range(1, search - 2)]
    return [*ladder, gate("cz", search - 1, 2 * search - 3), *reversed(ladder)]
