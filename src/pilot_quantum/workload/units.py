"""What runs in a worker: one unit of an estimator's or a sampler's call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from pilot_quantum.circuit.finite import not_finite, require_finite
from pilot_quantum.workload.aer import Evolution, expectations, outcomes
from pilot_quantum.workload.blob import from_blob
from pilot_quantum.workload.blocks import UnitKey, seed_of
from pilot_quantum.workload.cache import Cache
from pilot_quantum.workload.flatten import flatten, flatten_for_mps
from pilot_quantum.workload.lightning import LightningEvolution
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
_evolutions: Cache[object, Evolution | LightningEvolution] = Cache(50_000)  # weight: gates, about 1 KiB each
_circuits: Cache[tuple[bytes, Method], tuple[QuantumCircuit, list[Parameter]]] = Cache(4 * 2**20)  # the same weight


def estimate(work: Work, terms: PauliTerms, wanted: tuple[NDArray[np.intp], ...] | None) -> Floats:
    """Exact expectation values after each binding: those of `terms` that it wants (None: all), one after another.

    Raises SimulationError.
    """
    if work.method in _BY_CIRCUIT:
        return _estimate_by_circuit(work, terms, wanted)
    program = _program(work.blob)
    local, factors = terms.on(list(program.active))
    found = []
    for i, row in enumerate(work.values):
        state = _final_state(program, row, work.method)
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
        require_finite(circuit)
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
            state = _final_state(program, row, work.method)
            weights = state.real**2
            weights += state.imag**2
            del state
            bits.append(of_states(sampled(weights, shots, rng), position))
    return tuple(np.stack([packed(bit, register, shots) for bit in bits]) for register in registers)


def final_state(blob: bytes, method: Method = Method.STATEVECTOR) -> NDArray[np.complex128]:
    """The 2^qubits amplitudes at the end of a circuit without parameters that uses all its qubits.

    method: of the two that have amplitudes. Raises SimulationError.
    """
    return _final_state(_program(blob), np.zeros(0), method)


def _estimate_by_circuit(work: Work, terms: PauliTerms, wanted: tuple[NDArray[np.intp], ...] | None) -> Floats:
    """By a method of Aer's that keeps no amplitudes, and reads Pauli strings by itself."""
    circuit, parameters = _circuits.get((work.blob, work.method), len(work.blob), lambda: _prepared(work))
    labels = terms.labels()
    if not circuit.parameters:
        values = expectations(circuit, labels, work.method)
        return np.concatenate([values if wanted is None else values[wanted[i]] for i in range(len(work.values))])
    found = []
    for i, row in enumerate(work.values):
        here = labels if wanted is None else [labels[place] for place in wanted[i]]
        bound = circuit.assign_parameters(dict(zip(parameters, row.tolist(), strict=True)), strict=False)
        found.append(expectations(bound, here, work.method))
    return np.concatenate(found)


def _prepared(work: Work) -> tuple[QuantumCircuit, list[Parameter]]:
    """The circuit as the method takes it, and the parameters of the original, some of which may have gone."""
    circuit = from_blob(work.blob)
    require_finite(circuit)
    return _BY_CIRCUIT[work.method](circuit), list(circuit.parameters)


_BY_CIRCUIT = {Method.STABILIZER: flatten, Method.MPS: flatten_for_mps}


def _program(blob: bytes) -> Program:
    return _programs.get(blob, len(blob), lambda: read(from_blob(blob), identity=blob))


def _final_state(program: Program, row: Floats, method: Method) -> NDArray[np.complex128]:
    if not program.active:
        return np.ones(1, dtype=complex)
    make = LightningEvolution if method is Method.LIGHTNING else Evolution
    evolution = _evolutions.get((method, program.structure), len(program.steps), lambda: make(program))
    angles = program.angles.bound(row)
    if not np.isfinite(angles).all():
        slot = int(np.argmin(np.isfinite(angles)))
        step = program.places[slot][0]
        raise not_finite(f"gate {step}, {program.steps[step].name!r}", float(angles[slot]))
    return evolution.final_state(angles)
