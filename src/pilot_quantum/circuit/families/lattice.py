"""Time evolution of spin chains."""

from __future__ import annotations

from pilot_quantum.circuit.program import Program, gate


def tfim(
    qubits: int, steps: int, time: float, *, coupling: float = 1.0, field: float = 1.0, measured: bool = False
) -> Program:
    """|0…0⟩ after `time` under H = -J·ΣZ_iZ_{i+1} - h·ΣX_i, open chain, in `steps` first-order Trotter steps.

    exp(-iHt) ≈ Π exp(iJτ·ZZ) exp(ihτ·X) with τ = time/steps (Lloyd 1996).
    coupling: J, field: h, in units of 1/time.
    """
    step = time / steps
    gates = []
    for _ in range(steps):
        gates += [gate("rzz", qubit, qubit + 1, angle=-2 * coupling * step) for qubit in range(qubits - 1)]
        gates += [gate("rx", qubit, angle=-2 * field * step) for qubit in range(qubits)]
    return Program(f"tfim-{qubits}", "TFIM Trotter", qubits, tuple(gates), qubits if measured else 0)
