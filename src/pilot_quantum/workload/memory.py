"""How a circuit is simulated, and the memory which that takes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.resource.capacity import LIGHTNING, SIMULATOR
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.resource.units import format_bytes
from pilot_quantum.workload.traits import Traits

PROCESS = 128 * 2**20  # bytes: a worker with Qiskit and Aer loaded (measured: 97 MiB), and its results
PER_AMPLITUDE = 40  # bytes: the state (16), probabilities (8), and the sums over them (measured: 32 to 39)
STATE_VECTOR_QUBITS = 20  # up to here a state vector costs milliseconds and serves every circuit


class Method(StrEnum):
    """Ways to simulate: a state vector by Aer or Lightning, stabilizers for Clifford circuits, a matrix-product state.

    All are exact up to rounding; of a matrix-product state Aer drops singular values below 1e-8, so a gate that
    entangles less than that is not seen.
    """

    STATEVECTOR = "statevector"
    LIGHTNING = "lightning"
    STABILIZER = "stabilizer"
    MPS = "matrix_product_state"

    @property
    def amplitudes(self) -> bool:
        """Whether it has the final state's amplitudes, from which anything can be read."""
        return self in (Method.STATEVECTOR, Method.LIGHTNING)

    @property
    def capabilities(self) -> frozenset[str]:
        """What a pilot must list to run it."""
        return frozenset({SIMULATOR, LIGHTNING} if self is Method.LIGHTNING else {SIMULATOR})


def method_of(traits: Traits) -> Method:
    """Stabilizers where every gate is Clifford and the state vector would be large, else the state vector."""
    wide = traits.active_qubits > STATE_VECTOR_QUBITS
    return Method.STABILIZER if wide and traits.clifford else Method.STATEVECTOR


def bytes_needed(traits: Traits, method: Method | None = None) -> int:
    """Memory of one unit: 128 MiB, and 40 bytes an amplitude (2^qubits in use), or qubits² for stabilizers.

    method: None for that of `method_of`. Raises ValueError for a matrix-product state, which no traits tell the memory
    of: `dreamer.models.mps` predicts it.
    """
    method = method_of(traits) if method is None else method
    qubits = traits.active_qubits
    match method:
        case Method.STABILIZER:
            return int(PROCESS + qubits**2)
        case Method.MPS:
            raise ValueError("the memory of a matrix-product state follows from its bonds, not from a circuit's width")
    return int(PROCESS + PER_AMPLITUDE * 2 ** min(qubits, 900))  # beyond, no float could show it


def check_fits(
    label: str, traits: Traits, resources: Sequence[ResourceProfile], method: Method | None = None, needed: int = 0
) -> None:
    """Raise CircuitTooLargeError, naming both figures, where no pilot that can simulate has the memory.

    label: how the error calls the circuit. With no such pilot yet nothing is known, and nothing is refused. method:
    None for that of `method_of`. needed: bytes, where they are known; 0: those of `bytes_needed`.
    """
    capabilities = Method.STATEVECTOR.capabilities if method is None else method.capabilities
    largest = max((r for r in resources if capabilities <= r.capabilities), key=lambda r: r.memory, default=None)
    needed = needed or bytes_needed(traits, method)
    if largest is None or needed <= largest.memory:
        return
    raise CircuitTooLargeError(
        f"{label} uses {traits.active_qubits} qubits, and to simulate it takes {format_bytes(needed)} of memory on "
        f"one node; the largest pilot, {largest.pilot!r}, has {format_bytes(largest.memory)}. "
        f"Add a pilot whose nodes have more memory, or use fewer qubits."
    )
