"""How long planning takes: circuits of 100 qubits, and small ones that run in milliseconds.

Two profiles of pilots as data, none is started. Every plan is made from the circuit itself; nothing is kept from one to
the next. "thorough" weighs everything; the other leaves out what would take longer to weigh than to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from time import perf_counter

import msgspec
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.pairs import Machine, Samples, emit, in_turns, machine, parser
from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.dreamer import plan
from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.resource.profile import ResourceProfile

GIB = 2**30
CAPABLE = frozenset({"simulator", "lightning"})
PILOTS = (
    ResourceProfile("large", 4, 64, 0, 0, 512 * GIB, CAPABLE),
    ResourceProfile("small", 1, 2, 0, 0, 16 * GIB, CAPABLE),
)


class Row(msgspec.Struct, frozen=True):
    """One circuit and observable. chosen: the name of the candidate, "" where nothing can run it."""

    circuit: str
    qubits: int
    thorough: bool
    chosen: str
    planning: Samples


class Planning(msgspec.Struct, frozen=True):
    """Milliseconds, medians over the rounds: the slowest of the wide circuits and of the small ones, and all rows."""

    wide_ms: float
    wide_thorough_ms: float
    small_ms: float
    rows: tuple[Row, ...]
    settings: str
    machine: Machine


def circuits(qubits: int) -> Iterator[QuantumCircuit]:
    """One of each family."""
    yield qiskit_circuit(families.efficient_su2(qubits, 2, seed=1))
    yield qiskit_circuit(families.tfim(qubits, 3, 0.4))
    yield qiskit_circuit(families.brickwork(qubits, 6, seed=1))
    edges = families.regular_graph(qubits, 3, seed=1)
    yield qiskit_circuit(families.qaoa(qubits, edges, (0.7,), (0.4,)))
    yield qiskit_circuit(families.ghz(qubits))


def observables(qubits: int) -> dict[str, SparsePauliOp]:
    """Z on the last qubit, and the sum of ZZ over neighbours."""
    pairs = [("ZZ", [qubit, qubit + 1], 1.0) for qubit in range(qubits - 1)]
    return {
        "last": SparsePauliOp.from_sparse_list([("Z", [qubits - 1], 1.0)], qubits),
        "neighbours": SparsePauliOp.from_sparse_list(pairs, qubits),
    }


def measure(pairs: int, wide: int, small: int) -> Planning:
    """Plan all circuits in turns."""
    facts = machine()
    asked = []
    for qubits in (wide, small):
        for circuit in circuits(qubits):
            for label, observable in observables(qubits).items():
                for thorough in (False, True):
                    asked.append((f"{circuit.name} {label}", qubits, thorough, circuit, observable))
    contenders = [partial(_planned, circuit, observable, thorough) for *_, thorough, circuit, observable in asked]
    samples = in_turns(contenders, "ms", pairs)
    rows = tuple(
        Row(name, qubits, thorough, _chosen(circuit, observable, thorough), planning)
        for (name, qubits, thorough, circuit, observable), planning in zip(asked, samples, strict=True)
    )
    return Planning(
        wide_ms=_slowest(rows, wide, False),
        wide_thorough_ms=_slowest(rows, wide, True),
        small_ms=_slowest(rows, small, False),
        rows=rows,
        settings=f"{wide} and {small} qubits; two pilots as data, assumed rates",
        machine=facts,
    )


def _planned(circuit: QuantumCircuit, observable: SparsePauliOp, thorough: bool) -> float:
    began = perf_counter()
    _chosen(circuit, observable, thorough)
    return 1000 * (perf_counter() - began)


def _chosen(circuit: QuantumCircuit, observable: SparsePauliOp, thorough: bool) -> str:
    try:
        return plan(circuit, observable, PILOTS, thorough=thorough).best.name
    except CircuitTooLargeError:
        return ""


def _slowest(rows: tuple[Row, ...], qubits: int, thorough: bool) -> float:
    return max(row.planning.median for row in rows if row.qubits == qubits and row.thorough == thorough)


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--wide", type=int, default=100, help="qubits of the wide circuits (default: %(default)s)")
    options.add_argument("--small", type=int, default=12, help="qubits of the small circuits (default: %(default)s)")
    args = options.parse_args()
    emit(measure(args.pairs, args.wide, args.small), args.json)


if __name__ == "__main__":
    main()
