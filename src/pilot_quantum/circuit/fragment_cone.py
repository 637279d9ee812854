"""Fragments without what no answer depends on: the light cone of what is observed, and of the legs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pilot_quantum.circuit.fragments import CutCircuit, Fragment, LegKind


def observed(cut: CutCircuit, qubits: Collection[int]) -> CutCircuit:
    """`cut` as far as the state of `qubits` (of the whole circuit), everything else traced out, depends on it.

    A gate that neither a leg nor an observed qubit follows cancels with its adjoint, and a qubit that no gate is left
    on is dropped; a fragment without qubits is too.
    """
    wanted = set(qubits)
    fragments = [_cone(fragment, wanted) for fragment in cut.fragments]
    return replace(cut, fragments=tuple(fragment for fragment in fragments if fragment.width))


def _cone(fragment: Fragment, wanted: set[int]) -> Fragment:
    from qiskit.circuit import QuantumCircuit

    alive = {qubit for qubit, end in enumerate(fragment.ends) if end in wanted} | set(fragment.outgoing)
    legs = [leg for leg in fragment.legs if leg.kind is not LegKind.OUTGOING]
    index = {qubit: i for i, qubit in enumerate(fragment.circuit.qubits)}
    data = list(fragment.circuit.data)
    acts = [{index[qubit] for qubit in step.qubits} for step in data]
    kept: list[int] = []
    pending = len(legs)
    for position in range(len(data), -1, -1):
        while pending and legs[pending - 1].position == position:
            pending -= 1
            alive.add(legs[pending].qubit)
        if position:
            qubits = acts[position - 1]
            if not alive.isdisjoint(qubits):
                alive |= qubits
                kept.append(position - 1)
    if len(kept) == len(data) and len(alive) == fragment.width:
        return fragment
    kept.reverse()
    order = sorted(alive)
    local = {qubit: i for i, qubit in enumerate(order)}
    circuit = QuantumCircuit(len(order))
    new = {old: circuit.qubits[i] for old, i in ((fragment.circuit.qubits[qubit], i) for qubit, i in local.items())}
    before = [0] * (len(data) + 1)  # how many of the instructions before each are kept
    for position in kept:
        before[position + 1] = 1
        step = data[position]
        circuit._append(step.replace(qubits=[new[qubit] for qubit in step.qubits]))
    for position in range(len(data)):
        before[position + 1] += before[position]
    moved = tuple(replace(leg, qubit=local[leg.qubit], position=before[leg.position]) for leg in fragment.legs)
    return Fragment(circuit, moved, tuple(fragment.ends[qubit] for qubit in order))
