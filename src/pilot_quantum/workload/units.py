"""What runs in a worker: one unit of an estimator's or a sampler's call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.workload.aer import Evolution, outcomes, stabilizer_expectations
from pilot_quantum.workload.blob import from_blob
from pilot_quantum.workload.blocks import UnitKey, seed_of
from pilot_quantum.workload.cache import Cache
from pilot_quantum.workload.flatten import flatten
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.pauli import PauliTerms
from pilot_quantum.workload.program import Floats, Program, read
from pilot_quantum.workload.readout import Bytes, Register, of_bytes, of_states, packed, sampled


@dataclass(frozen=True, slots=True)
class Work:
    """A circuit and the block of bindings to run it with.

    blob: what `to_blob` wrote. values: shape (bindings, parameters), in the order of `circuit.parameters`.
    dynamic: whether every shot has to be simulated by itself.
    """

    blob: bytes
    values: Floats
    method: Method
    dynamic: bool = False


_programs: Cache[bytes, Program] = Cache(4 * 2**20)  # weight: bytes of the blobs; about 5 times that in memory
_evolutions: Cache[object, Evolution] = Cache(50_000)  # weight: gates, about 1 KiB each


def estimate(work: Work, terms: PauliTerms, wanted: tuple[NDArray[np.intp], ...] | None) -> Floats:
    """Exact expectation values after each binding: those of `terms` that it wants (None: all), one after another.

    Raises SimulationError.
    """
    if work.method is Method.STABILIZER:
        circuit = flatten(from_blob(work.blob))
        values = stabilizer_expectations(circuit, terms.labels())
        return np.concatenate([values if wanted is None else values[wanted[i]] for i in range(len(work.values))])
    program = _program(work.blob)
    local, factors = terms.on(list(program.active))
    found = []
    for i, row in enumerate(work.values):
        state = _final_state(program, row)
        if wanted is None:
            found.append(local.expectations(state) * factors)
        else:
            found.append(local.only(wanted[i]).expectations(state) * factors[wanted[i]])
    return np.concatenate(found)


def sample(work: Work, registers: tuple[Register, ...], shots: int, entropy: int, key: UnitKey) -> tuple[Bytes, ...]:
    """The outcomes of `shots` shots after each binding, one array a register: shape (bindings, shots, bytes).

    Raises SimulationError.
    """
    seed = seed_of(entropy, key)
    if work.dynamic or work.method is Method.STABILIZER:
        circuit = from_blob(work.blob)
        seeds = seed.generate_state(len(work.values)) >> 1
        bits = [
            of_bytes(outcomes(flatten(circuit.assign_parameters(row)), work.method, shots, int(one)))
            for row, one in zip(work.values, seeds, strict=True)
        ]
    else:
        program = _program(work.blob)
        rng = np.random.default_rng(seed)
        position = {clbit: program.active.index(q) for clbit, q in program.readout.items() if q in program.active}
        bits = []
        for row in work.values:
            state = _final_state(program, row)
            weights = state.real**2
            weights += state.imag**2
            del state
            bits.append(of_states(sampled(weights, shots, rng), position))
    return tuple(np.stack([packed(bit, register, shots) for bit in bits]) for register in registers)


def final_state(blob: bytes) -> NDArray[np.complex128]:
    """The 2^qubits amplitudes at the end of a circuit without parameters that uses all its qubits.

    Raises SimulationError.
    """
    return _final_state(_program(blob), np.zeros(0))


def _program(blob: bytes) -> Program:
    return _programs.get(blob, len(blob), lambda: read(from_blob(blob), identity=blob))


def _final_state(program: Program, row: Floats) -> NDArray[np.complex128]:
    if not program.active:
        return np.ones(1, dtype=complex)
    evolution = _evolutions.get(program.structure, len(program.steps), lambda: Evolution(program))
    return evolution.final_state(program.angles.bound(row))
