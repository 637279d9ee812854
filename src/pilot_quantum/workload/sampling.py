"""One PUB of a sampler's call: divided into units, and put together from their outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from pilot_quantum.circuit.updates import blocks, evolution_updates
from pilot_quantum.workload.blocks import (
    MOST_SHOTS,
    UnitKey,
    bindings_per_unit,
    least_per_unit,
    trajectories_per_unit,
)
from pilot_quantum.workload.memory import Method, method_of
from pilot_quantum.workload.program import Floats
from pilot_quantum.workload.readout import Bytes, Register
from pilot_quantum.workload.traits import Traits
from pilot_quantum.workload.units import Work

Arguments = tuple[Work, tuple[Register, ...], int, int, UnitKey]


class Sampling:
    """A validated PUB: bindings times shots.

    index: of the PUB in its call. values: of all bindings, the last axis over `circuit.parameters`.
    """

    def __init__(self, index: int, pub: SamplerPub, values: Floats, traits: Traits, blob: bytes) -> None:
        self.index = index
        self.pub = pub
        self._blob = blob
        self._method = method_of(traits)
        self._dynamic = traits.dynamic
        bindings = pub.parameter_values
        self._values = values.reshape(bindings.size, values.shape[-1])
        self._registers = tuple(
            tuple(pub.circuit.find_bit(bit).index for bit in register) for register in pub.circuit.cregs
        )
        most_bindings, most_shots = _unit_size(pub.shots, traits, self._method)
        most_shots = max(most_shots, least_per_unit(pub.shots, len(blob)))
        self._shots = tuple(blocks(pub.shots, most_shots))
        most_bindings = max(most_bindings, least_per_unit(bindings.size * len(self._shots), len(blob)))
        self._bindings = tuple(blocks(bindings.size, most_bindings)) if self._registers else ()

    def units(self, entropy: int) -> Iterator[tuple[UnitKey, Arguments]]:
        """The units' keys, and what `workload.units.sample` is to be called with."""
        for (i, block), (j, shots) in product(enumerate(self._bindings), enumerate(self._shots)):
            key = UnitKey(self.index, i, j)
            work = Work(self._blob, self._values[block], self._method, self._dynamic)
            yield key, (work, self._registers, shots.stop - shots.start, entropy, key)

    def result(self, outcomes: Mapping[UnitKey, tuple[Bytes, ...]]) -> SamplerPubResult:
        """The PUB's result from what every unit returned."""
        shape, circuit = self.pub.shape, self.pub.circuit
        arrays = [
            np.zeros((len(self._values), self.pub.shots, -(-len(register) // 8)), dtype=np.uint8)
            for register in self._registers
        ]
        for (i, block), (j, shots) in product(enumerate(self._bindings), enumerate(self._shots)):
            for array, part in zip(arrays, outcomes[UnitKey(self.index, i, j)], strict=True):
                array[block, shots] = part
        bits = {
            register.name: BitArray(array.reshape(*shape, *array.shape[1:]), register.size)
            for register, array in zip(circuit.cregs, arrays, strict=True)
        }
        return SamplerPubResult(
            DataBin(**bits, shape=shape),
            metadata={
                "shots": self.pub.shots,
                "circuit_metadata": circuit.metadata,
                "simulator_metadata": {
                    "method": self._method.value,
                    "units": len(self._bindings) * len(self._shots),
                },
            },
        )


def _unit_size(shots: int, traits: Traits, method: Method) -> tuple[int, int]:
    """Bindings and shots of a unit, at most; where every shot is simulated by itself, shots are what counts."""
    if method is Method.STATEVECTOR and not traits.dynamic:
        updates = evolution_updates(traits.instructions, traits.active_qubits)
        return bindings_per_unit(updates, min(shots, MOST_SHOTS)), MOST_SHOTS
    if method is Method.STATEVECTOR:
        most = trajectories_per_unit(evolution_updates(traits.instructions, traits.active_qubits))
    else:
        most = trajectories_per_unit(traits.instructions * traits.active_qubits)
    return max(1, most // shots), most
