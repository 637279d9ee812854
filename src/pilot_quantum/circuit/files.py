"""Circuit files: OpenQASM 2, OpenQASM 3 and QPY, told apart by what is in them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pilot_quantum.circuit.definitions import inline_definitions, undefined_gate
from pilot_quantum.circuit.fault import fault
from pilot_quantum.circuit.finite import require_finite
from pilot_quantum.circuit.openqasm2 import read_openqasm2
from pilot_quantum.circuit.openqasm3 import read_openqasm3
from pilot_quantum.circuit.qpy_file import MAGIC, read_qpy
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

STDIN = Path("-")
"""The name that stands for what is piped in."""

_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_VERSION = re.compile(r"\s*OPENQASM\s+(\d+)(?:\.\d+)?\s*;")
_ONLY_IN_2 = re.compile(r"\bqreg\b|\bcreg\b")
_ONLY_IN_3 = re.compile(r"\bqubit\b|\bbit\b|\bstdgates\.inc\b|\$\d")
_REGISTER = re.compile(r"\b(?:[qc]reg\s+\w+|qubit|bit)\s*\[\s*(\d+)\s*\]")
_NUMBERED = re.compile(r"circuit-\d+(?:-\d+)?")
"""What Qiskit calls a circuit that nobody has named."""
_WIDEST = 100_000  # qubits or bits of one register: far above any circuit, and parsers take memory for each
_FORMATS = "Give an OpenQASM 2 or 3 file or a QPY file (or an app.py that defines main(session))."


@dataclass(frozen=True, slots=True)
class FileCircuit:
    """One circuit of a file. index: its place in the file, from 0. count: how many the file holds."""

    file: Path
    index: int
    count: int
    name: str
    circuit: QuantumCircuit

    def __str__(self) -> str:
        return str(self.file) if self.count == 1 else f"{self.file}[{self.index}] ({self.name})"


def read_circuits(file: Path) -> tuple[FileCircuit, ...]:
    """Every circuit in `file`, ready to run: has qubits, no free parameter, its own gates written out.

    The file `-` is what stdin holds, read to its end; circuits of it are called so, and include files beside the user.
    Raises CircuitError naming the file, the line where there is one, what is wrong and what to do.
    """
    if file == STDIN:
        content, file = _stdin(), Path("stdin")
    else:
        content = _content(file)
    if not content.strip():
        raise fault(file, "the file is empty", _FORMATS)
    if content.startswith(MAGIC):
        circuits = read_qpy(content, file)
        if not circuits:
            raise fault(file, "this QPY file holds no circuit", "Write it again with at least one circuit.")
    else:
        circuits = [_read_text(content, file)]
    found = []
    for index, circuit in enumerate(circuits):
        named = file.stem if len(circuits) == 1 else f"{file.stem}[{index}]"
        if content.startswith(MAGIC) and not _NUMBERED.fullmatch(circuit.name):
            named = circuit.name
        entry = FileCircuit(file, index, len(circuits), named, inline_definitions(circuit))
        entry.circuit.name = named  # by which errors and plans call it
        _require_runnable(entry)
        found.append(entry)
    return tuple(found)


def openqasm_version(source: str) -> int | None:
    """Major version of an OpenQASM text, by its version line, else by its words; None when nothing tells."""
    code = _COMMENTS.sub(" ", source)
    if found := _VERSION.match(code):
        return int(found[1])
    if _ONLY_IN_2.search(code):
        return 2
    return 3 if _ONLY_IN_3.search(code) else None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise fault(file, "there is no such file", "Check the path.") from error
    except IsADirectoryError as error:
        raise fault(file, "this is a directory", f"Name the files in it, such as {file}/*.qasm.") from error
    except OSError as error:
        raise fault(file, f"cannot be read ({error.strerror})", "Check that you may read it.") from error


def _stdin() -> bytes:
    stdin: TextIO | None = sys.stdin
    if stdin is None:
        raise fault(Path("stdin"), "there is none: it is closed", "Name a file, or pipe one in.")
    return stdin.buffer.read()


def _read_text(content: bytes, file: Path) -> QuantumCircuit:
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault(file, f"neither text nor QPY (byte {error.start} is not UTF-8)", _FORMATS) from error
    _require_sane_registers(source, file)
    match openqasm_version(source):
        case 2:
            return read_openqasm2(source, file)
        case 3:
            return read_openqasm3(source, file)
        case None:
            remedy = f"Begin the file with 'OPENQASM 2.0;' or 'OPENQASM 3.0;'. {_FORMATS}"
            raise fault(file, "this is neither OpenQASM nor QPY", remedy)
        case other:
            raise fault(file, f"OpenQASM {other} is not supported", "Versions 2 and 3 are.", source=source)


def _require_sane_registers(source: str, file: Path) -> None:
    """Refuse a register that would fill the memory before the parser has looked at the first gate."""
    for found in _REGISTER.finditer(source):
        if len(found[1]) > 9 or int(found[1]) > _WIDEST:
            line = source.count("\n", 0, found.start()) + 1
            remedy = f"Registers of up to {_WIDEST} are read; correct the number."
            raise fault(file, f"a register of {found[1]}", remedy, source=source, line=line)


def _require_runnable(entry: FileCircuit) -> None:
    circuit = entry.circuit
    if circuit.num_qubits == 0:
        raise fault(entry.file, f"circuit {entry.name!r} has no qubits", "Declare a register of qubits.")
    if (name := undefined_gate(circuit)) is not None:
        remedy = "Give the gate a definition; only then can it be run."
        raise fault(entry.file, f"circuit {entry.name!r} uses gate {name!r}, which has no definition", remedy)
    try:
        require_finite(circuit)
    except CircuitError as error:
        raise fault(entry.file, f"circuit {entry.name!r}: {error.args[0].partition('. ')[0]}", "Correct it.") from error
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise fault(
            entry.file,
            f"circuit {entry.name!r} has free parameters: {names}",
            "Bind them before writing the file (assign_parameters), "
            "or run an app.py that passes values to session.estimator().",
        )
