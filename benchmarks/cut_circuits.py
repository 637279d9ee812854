"""The circuits of the benchmarks of cutting, and of the recorded instances (`cut_instances.csv`), with their seeds.

`families/` of the package has circuits of the same names with other layouts; these are fixed by what was recorded. The
3-regular graphs are in `cut_graphs.csv`, so that no library's generator has to stay as it is; of other sizes they are
drawn here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp

HERE = Path(__file__).resolve().parent


class Instance(NamedTuple):
    """A circuit and a width, with what `find_cuts` of qiskit-addon-cutting 0.10 took and found."""

    family: str
    qubits: int
    width: int
    seconds: float
    overhead: float

    def circuit(self) -> QuantumCircuit:
        """The circuit; made once."""
        return _circuit(self.family, self.qubits)


def instances() -> list[Instance]:
    """All recorded instances, in the order of the file."""
    with (HERE / "cut_instances.csv").open() as lines:
        return [
            Instance(
                row["family"],
                int(row["qubits"]),
                int(row["width"]),
                float(row["find_cuts_seconds"]),
                float(row["find_cuts_overhead"]),
            )
            for row in csv.DictReader(lines)
        ]


@cache
def _circuit(family: str, qubits: int) -> QuantumCircuit:
    return FAMILIES[family](qubits)


def esu2(qubits: int) -> QuantumCircuit:
    circuit = efficient_su2(qubits, entanglement="linear", reps=2)
    return circuit.assign_parameters([0.4] * circuit.num_parameters)


def ghz(qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def tfim(qubits: int, steps: int = 3, step: float = 0.2) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    for _ in range(steps):
        for qubit in range(qubits):
            circuit.rx(2 * step, qubit)
        for first in (0, 1):
            for qubit in range(first, qubits - 1, 2):
                circuit.rzz(2 * step, qubit, qubit + 1)
    return circuit


def qaoa(qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    for first, second in _recorded(qubits) or _drawn(qubits):
        circuit.rzz(0.7, first, second)
    for qubit in range(qubits):
        circuit.rx(0.5, qubit)
    return circuit


def _recorded(qubits: int) -> list[tuple[int, int]]:
    with (HERE / "cut_graphs.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if int(row["qubits"]) == qubits]
    return [(int(row["first"]), int(row["second"])) for row in rows]


def _drawn(qubits: int, seed: int = 7) -> list[tuple[int, int]]:
    """A 3-regular graph: the pairing model, drawn again until it is simple."""
    draw = np.random.default_rng(seed)
    edges: set[tuple[int, int]] = set()
    while len(edges) < 3 * qubits // 2:
        ends = draw.permutation(np.repeat(np.arange(qubits), 3)).reshape(-1, 2)
        edges = {(int(min(pair)), int(max(pair))) for pair in ends if pair[0] != pair[1]}
    return sorted(edges)


def brick(qubits: int, depth: int = 4, seed: int = 3) -> QuantumCircuit:
    draw = np.random.default_rng(seed)
    circuit = QuantumCircuit(qubits)
    for layer in range(depth):
        for qubit in range(qubits):
            circuit.ry(draw.uniform(0, 2 * np.pi), qubit)
            circuit.rz(draw.uniform(0, 2 * np.pi), qubit)
        for qubit in range(layer % 2, qubits - 1, 2):
            circuit.cx(qubit, qubit + 1)
    _turned(circuit, draw)
    return circuit


def clustered(qubits: int, clusters: int = 2, depth: int = 6, between: int = 3, seed: int = 5) -> QuantumCircuit:
    """Random circuits on `clusters` groups of random qubits, with at most `between` gates from group to group."""
    draw = np.random.default_rng(seed + qubits)
    circuit = QuantumCircuit(qubits)
    groups = np.array_split(draw.permutation(qubits), clusters)
    linked = draw.choice(np.arange(1, depth), size=min(between, depth - 1), replace=False).tolist()
    for layer in range(depth):
        _turned(circuit, draw)
        for group in groups:
            order = draw.permutation(group)
            for place in range(0, len(order) - 1, 2):
                circuit.cz(int(order[place]), int(order[place + 1]))
        if layer in linked:
            one, other = draw.choice(clusters, 2, replace=False)
            circuit.cx(int(draw.choice(groups[one])), int(draw.choice(groups[other])))
    _turned(circuit, draw)
    return circuit


def _turned(circuit: QuantumCircuit, draw: Generator) -> None:
    for qubit in range(circuit.num_qubits):
        circuit.ry(draw.uniform(0, 2 * np.pi), qubit)


def qft(qubits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    for qubit in range(qubits):
        circuit.ry(0.3 * (qubit + 1), qubit)
    for target in range(qubits - 1, -1, -1):
        circuit.h(target)
        for control in range(target - 1, -1, -1):
            circuit.cp(np.pi / 2 ** (target - control), control, target)
    return circuit


FAMILIES: dict[str, Callable[[int], QuantumCircuit]] = {
    "esu2": esu2,
    "qaoa": qaoa,
    "ghz": ghz,
    "brick": brick,
    "tfim": tfim,
    "clus2": lambda qubits: clustered(qubits, 2, 6, 3),
    "clus3": lambda qubits: clustered(qubits, 3, 6, 4),
    "qft": qft,
}


def last_z(qubits: int) -> SparsePauliOp:
    """Z on the last qubit: what the reference measures."""
    return SparsePauliOp(["Z" + "I" * (qubits - 1)])


def neighbours(qubits: int) -> SparsePauliOp:
    """The sum of ZZ on neighbouring qubits."""
    return SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], 1.0) for i in range(qubits - 1)], num_qubits=qubits)
