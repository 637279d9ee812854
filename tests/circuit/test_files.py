"""Reading circuit files: what is read, and how each kind of bad input is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate, Parameter
from qiskit.quantum_info import Statevector

from pilot_quantum.circuit.files import openqasm_version, read_circuits
from pilot_quantum.errors import CircuitError

Q2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\n'
Q3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\n'


def refusal(tmp_path: Path, content: str | bytes, name: str = "bad.qasm") -> str:
    """The message with which a file of this content is refused; it always names the file."""
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CircuitError) as caught:
        read_circuits(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def read(tmp_path: Path, content: str, name: str = "good.qasm") -> QuantumCircuit:
    (tmp_path / name).write_text(content)
    (found,) = read_circuits(tmp_path / name)
    return found.circuit


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ("OPENQASM 2.0; qreg q[1];", 2),
        ("// OPENQASM 2.0;\n/* OPENQASM\n2.0; */ OPENQASM 3.1;\nqubit q;", 3),
        ("OPENQASM 3;", 3),
        ('include "qelib1.inc"; qreg q[1];', 2),
        ("qubit[2] q;", 3),
        ('include "stdgates.inc"; h $0;', 3),
        ("OPENQASM 4.0;", 4),
        ("int main() {}", None),
    ],
)
def test_the_version_is_in_the_content(source: str, version: int | None) -> None:
    assert openqasm_version(source) == version


def test_openqasm_2_with_the_gates_of_qiskits_exporter_is_read(tmp_path: Path) -> None:
    circuit = read(tmp_path, Q2 + "rzz(0.3) q[0],q[1];\ncp(0.1) q[0],q[1];\nsx q[0];\nswap q[0],q[1];\n")
    assert [step.operation.name for step in circuit.data] == ["rzz", "cp", "sx", "swap"]


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    assert read(tmp_path, Q2 + "h q[0];", name="circuit.txt").num_qubits == 2
    assert read(tmp_path, Q3 + "h q[0];", name="circuit.qpy").num_qubits == 2


def test_an_include_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.inc").write_text("gate twice a { x a; x a; }\n")
    assert read(tmp_path, Q2 + 'include "mine.inc";\ntwice q[0];').count_ops() == {"x": 2}


def test_a_circuit_that_nobody_has_named_is_called_after_its_file(tmp_path: Path) -> None:
    assert read(tmp_path, Q2 + "h q[0];", name="bell.qasm").name == "bell"
    assert read(tmp_path, Q3 + "h q[0];", name="bell3.qasm").name == "bell3"
    for name, circuits in (("one", [QuantumCircuit(2)]), ("two", [QuantumCircuit(2), QuantumCircuit(2, name="mine")])):
        with (tmp_path / f"{name}.qpy").open("wb") as stream:
            qpy.dump(circuits, stream)
    (one,) = read_circuits(tmp_path / "one.qpy")
    assert (one.name, one.circuit.name) == ("one", "one")
    assert [entry.circuit.name for entry in read_circuits(tmp_path / "two.qpy")] == ["two[0]", "mine"]


def test_a_circuit_may_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO((Q2 + "h q[0];").encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    (found,) = read_circuits(Path("-"))
    assert (str(found), found.circuit.name, found.circuit.count_ops()) == ("stdin", "stdin", {"h": 1})
    with pytest.raises(CircuitError, match="stdin: the file is empty"):  # it has been read
        read_circuits(Path("-"))
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CircuitError, match="stdin: there is none"):
        read_circuits(Path("-"))


def test_a_qpy_file_may_hold_several_circuits(tmp_path: Path) -> None:
    circuits = [QuantumCircuit(2, name="first"), QuantumCircuit(3, name="second")]
    with (tmp_path / "two.qpy").open("wb") as stream:
        qpy.dump(circuits, stream)
    found = read_circuits(tmp_path / "two.qpy")
    assert [(entry.index, entry.name, entry.circuit.num_qubits) for entry in found] == [
        (0, "first", 2),
        (1, "second", 3),
    ]
    assert str(found[1]).endswith("two.qpy[1] (second)")


@pytest.mark.parametrize(
    "source",
    [
        Q2 + "gate ryy(t) a,b { rx(t) a; h b; }\nryy(1.0) q[0],q[1];",
        Q3 + "gate rzz(t) a,b { rx(t) a; h b; }\nrzz(1.0) q[0],q[1];",
    ],
    ids=["2", "3"],
)
def test_a_gate_defined_in_the_file_means_what_the_file_says(tmp_path: Path, source: str) -> None:
    """Aer knows ryy and rzz by name and would run its own."""
    circuit = read(tmp_path, source)
    assert circuit.count_ops() == {"rx": 1, "h": 1}
    expected = QuantumCircuit(2)
    expected.rx(1.0, 0)
    expected.h(1)
    assert Statevector(circuit).equiv(Statevector(expected))


def test_definitions_inside_definitions_and_branches_are_written_out(tmp_path: Path) -> None:
    source = (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\ngate inner a { h a; }\ngate outer a { inner a; x a; }\n'
        "qubit[1] q;\nbit[1] c;\nouter q[0];\nc[0] = measure q[0];\nif (c[0]) { inner q[0]; }\n"
    )
    circuit = read(tmp_path, source)
    assert [step.operation.name for step in circuit.data] == ["h", "x", "measure", "if_else"]
    assert [step.operation.name for step in circuit.data[-1].operation.blocks[0].data] == ["h"]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (Q2 + "hh q[0];", 4, "'hh' is not defined"),
        (Q2 + "h q[5];", 4, "out-of-range"),
        ("OPENQASM 2.0;\nqreg q[2]\nh q[0];", 3, "needed ';'"),
        ('OPENQASM 2.0;\ninclude "foo.inc";', 2, "foo.inc"),
        (Q2 + "rx(1/0) q[0];", 4, "divide by zero"),
        ("OPENQASM 2.0;\nqreg q[1000000000];", 2, "1000000000"),
        (Q3 + "hh q[0];", 4, "'hh' is not defined"),
        (Q3 + "h q[5];", 4, "index out of range"),
        (Q3 + "x q[0]\nh q[0];", 5, "syntax error at 'h'"),
        (Q3 + "h q[0", 4, "no viable alternative"),
        (Q3 + "@@@", 4, "syntax error"),
        (Q3 + 'int x = "a";', 4, "token recognition error"),
        (Q3 + "break;", 4, "outside loop"),
        (Q3 + "extern f(int) -> int;", 4, "not supported"),
        (Q3 + 'defcalgrammar "openpulse";', 4, "not supported"),
    ],
)
def test_malformed_openqasm_names_file_line_and_remedy(tmp_path: Path, content: str, line: int, says: str) -> None:
    message = refusal(tmp_path, content)
    first, *rest = message.splitlines()
    assert f"bad.qasm, line {line}" in first
    assert says in first
    assert rest, "a remedy follows"


def test_nothing_is_printed_while_a_file_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refusal(tmp_path, Q3 + "h q[0")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "neither text nor QPY"),
        ("hello world", "neither OpenQASM nor QPY"),
        ("OPENQASM 4.0;\nqubit q;", "OpenQASM 4 is not supported"),
        ("OPENQASM 2.0;", "no qubits"),
        ("OPENQASM 2.0;\nopaque foo a;\nqreg q[1];\nfoo q[0];", "'foo', which has no definition"),
        (Q3 + "input float[64] theta;\nrx(theta) q[0];", "free parameters: theta"),
        (b"QISKIT", "QPY file cannot be read"),
        (b"QISKIT\xff" + bytes(40), "QPY format version being read, 255"),
    ],
)
def test_other_bad_files_are_refused_with_the_reason(tmp_path: Path, content: str | bytes, says: str) -> None:
    assert says in refusal(tmp_path, content)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CircuitError, match="there is no such file"):
        read_circuits(tmp_path / "nowhere.qasm")
    with pytest.raises(CircuitError, match="this is a directory"):
        read_circuits(tmp_path)


def test_a_qpy_file_cut_short_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    qpy.dump(circuit, stream)
    for size in range(7, len(stream.getvalue()) - 1, 9):
        assert "QPY file" in refusal(tmp_path, stream.getvalue()[:size], "cut.qpy")


def test_qpy_circuits_are_checked_like_the_others(tmp_path: Path) -> None:
    free, bare = QuantumCircuit(1, name="free"), QuantumCircuit(1, name="bare")
    free.rx(Parameter("angle"), 0)
    bare.append(Gate("mystery", 1, []), [0])
    for circuit, says in ((free, "free parameters: angle"), (bare, "'mystery'")):
        stream = io.BytesIO()
        qpy.dump(circuit, stream)
        message = refusal(tmp_path, stream.getvalue(), "circuit.qpy")
        assert says in message
        assert repr(circuit.name) in message


def test_a_file_with_an_angle_that_is_no_number_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "infinite.qasm"
    file.write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nrz(1e400) q[0];\n')

    with pytest.raises(CircuitError, match=r"infinite\.qasm.*'rz', has the angle inf"):
        read_circuits(file)
