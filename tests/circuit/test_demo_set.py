"""The shipped files are exactly what the generators write, and all three formats say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from pilot_quantum.circuit import families
from pilot_quantum.circuit.demo_set import DEMO_SET, Shipped, content
from pilot_quantum.circuit.files import read_circuits
from pilot_quantum.circuit.observable import parse_observable
from pilot_quantum.circuit.program import Program
from pilot_quantum.circuit.reference import state

DIRECTORY = Path(__file__).parents[2] / "examples" / "circuits"


def test_the_shipped_files_are_the_regenerated_ones() -> None:
    assert {file.name for file in DIRECTORY.iterdir()} == {entry.file for entry in DEMO_SET}
    for entry in DEMO_SET:
        if not entry.file.endswith(".qpy"):  # QPY holds the version of the Qiskit that wrote it: compared below
            assert (DIRECTORY / entry.file).read_bytes() == content(entry), (
                f"run examples/write_circuits.py: {entry.file}"
            )


def test_the_shipped_qpy_holds_the_regenerated_circuits(tmp_path: Path) -> None:
    (entry,) = (entry for entry in DEMO_SET if entry.file.endswith(".qpy"))
    (tmp_path / "new.qpy").write_bytes(content(entry))
    shipped, written = read_circuits(DIRECTORY / entry.file), read_circuits(tmp_path / "new.qpy")
    assert [found.circuit for found in shipped] == [found.circuit for found in written]
    assert [found.name for found in shipped] == [program.name for program in entry.programs]


def test_the_set_spans_4_to_24_qubits_many_families_and_three_formats() -> None:
    programs = [program for entry in DEMO_SET for program in entry.programs]
    assert {4, 24} <= {program.qubits for program in programs} <= set(range(4, 25))
    assert len({program.family for program in programs}) >= 9
    assert {Path(entry.file).suffix for entry in DEMO_SET} == {".qasm", ".qasm3", ".qpy"}
    for entry in DEMO_SET:
        assert bool(entry.observables) != bool(entry.shots)
        assert all(parse_observable(text).fits(p.qubits) for text in entry.observables for p in entry.programs)


SMALL = [
    families.ghz(4),
    families.w_state(4),
    families.qft(4, 5),
    families.bernstein_vazirani("101"),
    families.grover("101"),
    families.efficient_su2(4, 2, seed=1),
    families.qaoa(4, families.regular_graph(4, 3, seed=1), (0.4,), (0.3,)),
    families.tfim(4, 2, 1.0),
    families.brickwork(4, 3, seed=1),
    families.clifford(4, 60, seed=1),
]


@pytest.mark.parametrize("program", SMALL, ids=lambda program: program.name)
@pytest.mark.parametrize("suffix", ["qasm", "qasm3", "qpy"])
def test_a_program_survives_writing_and_reading(program: Program, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"{program.name}.{suffix}"
    file.write_bytes(content(Shipped(file.name, (program,))))
    (read,) = read_circuits(file)
    overlap = np.vdot(state(program), Statevector(read.circuit).data)
    assert abs(overlap) == pytest.approx(1, abs=1e-10)
