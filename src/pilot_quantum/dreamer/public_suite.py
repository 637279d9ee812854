"""The circuits on which predictions are held against measurements, none of them used for fitting.

Families, widths and seeds that the micro-benchmarks (`dreamer.suite`) lack, and three families that these have not at
all: Grover, Clifford+T, and clusters of equal and unequal sizes, for which cutting pays. Most answers take between
2 ms and half a second, so that a wrong choice is felt and all can be measured in minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilot_quantum.circuit import families
from pilot_quantum.circuit.program import Program


@dataclass(frozen=True, slots=True)
class Case:
    """A circuit and what is asked of it. observable: as users write it. name: unique in a suite."""

    name: str
    program: Program
    observable: str


def last(program: Program) -> str:
    """Z on the last qubit."""
    return f"Z{program.qubits - 1}"


def middle(program: Program) -> str:
    """Z on the qubit in the middle."""
    return f"Z{program.qubits // 2}"


def neighbours(program: Program) -> str:
    """The sum of ZZ over neighbouring qubits."""
    return " + ".join(f"Z{qubit} Z{qubit + 1}" for qubit in range(program.qubits - 1))


def ends(program: Program) -> str:
    """ZZ on the first and the last qubit."""
    return f"Z0 Z{program.qubits - 1}"


def public_suite() -> tuple[Case, ...]:
    """All cases, family by family."""
    return tuple(_cases())


def _case(program: Program, asked: Callable[[Program], str], detail: str = "") -> Case:
    name = f"{program.name}{f'-{detail}' if detail else ''} {asked.__name__}"
    return Case(name, program, asked(program))


def _qaoa(qubits: int, layers: int, seed: int) -> Program:
    edges = families.regular_graph(qubits, 3, seed=seed)
    gammas, betas = (0.55, 0.8, 0.95), (0.6, 0.45, 0.2)
    return families.qaoa(qubits, edges, gammas[:layers], betas[:layers])


def power_law_suite() -> tuple[Case, ...]:
    """Circuits to fit the power law to, in few and in many pieces of work: clusters that the public suite has not."""
    found = []
    for size, bridges in ((5, 1), (6, 2), (7, 1), (7, 3), (8, 2), (9, 1), (9, 3)):
        found.append(_case(families.clustered((size, size), 8, bridges, seed=size), ends, f"{bridges}-bridges fitted"))
    return tuple(found)


def _cases() -> Iterator[Case]:
    for qubits, layers in ((12, 6), (16, 3), (18, 1), (19, 2)):
        yield _case(families.efficient_su2(qubits, layers, seed=100 + qubits), last, f"{layers}-layers")
    for qubits, layers in ((10, 4), (14, 5), (17, 2), (18, 3), (20, 1)):
        yield _case(families.efficient_su2(qubits, layers, seed=200 + qubits), neighbours, f"{layers}-layers")
    for qubits, steps in ((16, 8), (18, 9), (20, 4)):
        yield _case(families.tfim(qubits, steps, 0.9), middle, f"{steps}-steps")
    for qubits, steps in ((9, 8), (14, 5), (17, 6), (18, 4), (21, 1)):
        yield _case(families.tfim(qubits, steps, 0.9), neighbours, f"{steps}-steps")
    for qubits, layers in ((8, 3), (14, 3), (16, 2), (20, 2)):
        yield _case(_qaoa(qubits, layers, 31), last, f"{layers}-layers")
    for qubits, layers in ((12, 2), (16, 1), (18, 2), (20, 1)):
        yield _case(_qaoa(qubits, layers, 37), neighbours, f"{layers}-layers")
    for qubits, depth in ((6, 10), (11, 9), (16, 12), (18, 14)):
        yield _case(families.brickwork(qubits, depth, seed=300 + qubits), middle, f"depth-{depth}")
    for qubits, depth in ((8, 6), (13, 8), (17, 6), (19, 8), (20, 3)):
        yield _case(families.brickwork(qubits, depth, seed=400 + qubits), neighbours, f"depth-{depth}")
    for qubits in (17, 22):
        yield _case(families.ghz(qubits), ends)
    yield _case(families.w_state(18), ends)
    for qubits, value in ((12, 1234), (17, 70001), (19, 300003)):
        yield _case(families.qft(qubits, value), last)
    for qubits, value in ((15, 23456), (18, 200001)):
        yield _case(families.qft(qubits, value), neighbours)
    for marked in ("110101", "1011001", "11010011"):
        yield _case(families.grover(marked), last)
    for qubits, length, every in ((8, 120, 6), (12, 200, 10), (16, 300, 8), (20, 260, 15)):
        yield _case(families.clifford_t(qubits, length, every, seed=500 + qubits), middle)
    for qubits, length in ((11, 150), (19, 250), (20, 200)):
        yield _case(families.clifford(qubits, length, seed=600 + qubits), ends)
    for size, depth, bridges in ((9, 8, 1), (9, 9, 3), (10, 8, 2), (11, 8, 1), (12, 7, 1)):
        yield _case(families.clustered((size, size), depth, bridges, seed=700 + size), ends, f"{bridges}-bridges")
    for size, bridges in ((9, 2), (10, 1)):
        yield _case(families.clustered((size, size), 6, bridges, seed=750 + size), neighbours, f"{bridges}-bridges")
    unequal = (((6, 14), 6, 2), ((12, 8), 8, 1), ((5, 9, 6), 8, 3), ((7, 7, 7), 7, 2), ((13, 7), 7, 2))
    for sizes, depth, bridges in unequal:
        yield _case(families.clustered(sizes, depth, bridges, seed=800 + sizes[0]), ends, f"{bridges}-bridges")
    yield _case(families.clustered((12, 7), 6, 1, seed=900), neighbours, "1-bridge")
