"""A circuit read into two parts: a structure, which circuits that differ by angles alone share, and the angles.

An optimiser that calls `assign_parameters` in each iteration sends a new circuit each time; its structure is the same,
so what Aer needs of it is made once in each worker, as for one that sends parameter values.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Parameter, ParameterExpression, QuantumCircuit

from pilot_quantum.workload.flatten import flatten

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Angles:
    """The parameters of all gates in their order: numbers, columns of the values to bind, or expressions of those."""

    fixed: Floats
    slots: NDArray[np.intp]
    columns: NDArray[np.intp]
    expressions: tuple[tuple[int, ParameterExpression], ...]
    parameters: tuple[Parameter, ...]

    def bound(self, row: Floats) -> Floats:
        """All of them, with the circuit's parameters at the values of `row`, in the order of `circuit.parameters`."""
        angles = self.fixed.copy()
        angles[self.slots] = row[self.columns]
        if self.expressions:
            values = dict(zip(self.parameters, row.tolist(), strict=True))
            for slot, expression in self.expressions:
                wanted = {parameter: values[parameter] for parameter in expression.parameters}
                angles[slot] = float(expression.bind(wanted).numeric())
        return angles


class Step(NamedTuple):
    """One gate: its name, its qubits among those in use, and the instruction that it came from."""

    name: str
    qubits: tuple[int, ...]
    instruction: CircuitInstruction


@dataclass(frozen=True, slots=True)
class Program:
    """A circuit whose final state is a state vector: no control flow, measurements at its end.

    structure: equal for circuits that differ by angles alone. places: (step, which of its parameters) of each angle.
    active: the qubits in use, as the circuit counts them. readout: the qubit that each measured classical bit holds.
    """

    structure: Hashable
    steps: tuple[Step, ...]
    places: tuple[tuple[int, int], ...]
    angles: Angles
    active: tuple[int, ...]
    readout: dict[int, int]

    def circuit(self) -> QuantumCircuit:
        """The steps as a circuit on the qubits in use; its angles are those of the first circuit of this structure."""
        circuit = QuantumCircuit(len(self.active))
        for step in self.steps:
            circuit._append(step.instruction.operation, [circuit.qubits[q] for q in step.qubits], [])
        return circuit


def read(circuit: QuantumCircuit, identity: Hashable) -> Program:
    """`circuit` as a program. `identity` stands for its structure where that is more than names, qubits and angles."""
    parameters = tuple(circuit.parameters)
    flat = flatten(circuit)
    column = {parameter: i for i, parameter in enumerate(parameters)}
    index = {qubit: i for i, qubit in enumerate(flat.qubits)}
    bit = {clbit: i for i, clbit in enumerate(flat.clbits)}
    steps: list[Step] = []
    places: list[tuple[int, int]] = []
    values: list[float | ParameterExpression] = []
    readout: dict[int, int] = {}
    opaque = False
    for inst in flat.data:
        name, qubits = inst.name, tuple([index[qubit] for qubit in inst.qubits])
        standard = inst.is_standard_gate()
        if not standard:
            if name == "measure":
                readout[bit[inst.clbits[0]]] = qubits[0]
            if name in ("measure", "barrier", "delay", "reset"):  # a reset stands before all else on its qubit
                continue
            opaque = True
        for position, value in enumerate(inst.params):
            if standard or isinstance(value, ParameterExpression):
                places.append((len(steps), position))
                values.append(value)
        steps.append(Step(name, qubits, inst))
    active = tuple(sorted({qubit for step in steps for qubit in step.qubits}))
    if len(active) < flat.num_qubits:
        narrow = {qubit: i for i, qubit in enumerate(active)}
        steps = [Step(name, tuple([narrow[q] for q in qubits]), inst) for name, qubits, inst in steps]
    return Program(
        structure=identity if opaque else (len(active), tuple([step[:2] for step in steps])),
        steps=tuple(steps),
        places=tuple(places),
        angles=_angles(values, column),
        active=active,
        readout=readout,
    )


def _angles(values: list[float | ParameterExpression], column: dict[Parameter, int]) -> Angles:
    fixed = np.zeros(len(values))
    plain: list[tuple[int, int]] = []
    expressions: list[tuple[int, ParameterExpression]] = []
    for slot, value in enumerate(values):
        if isinstance(value, Parameter):
            plain.append((slot, column[value]))
        elif isinstance(value, ParameterExpression) and value.parameters:
            expressions.append((slot, value))
        else:
            fixed[slot] = float(value)
    slots, columns = np.array(plain, dtype=np.intp).reshape(-1, 2).T
    return Angles(fixed, slots, columns, tuple(expressions), tuple(column))
