"""Reading OpenQASM 2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pilot_quantum.circuit.fault import fault

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_PLACE = re.compile(r"^(?:<input>|[^\n]*?):(\d+),(\d+): (.*)$", re.DOTALL)


def read_openqasm2(source: str, file: Path) -> QuantumCircuit:
    """The circuit in `source`, the text of `file`; `include` finds files beside it.

    Reads with the gates that Qiskit's exporter expects in `qelib1.inc` (rzz, cp, sx, ...), not only with
    those of the paper. Raises CircuitError with line and column.
    """
    from qiskit import qasm2

    try:
        return qasm2.loads(source, include_path=(file.parent,), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    except qasm2.QASM2ParseError as error:
        found = _PLACE.match(error.message)
        if found is None:
            raise fault(file, error.message, _remedy(error.message), source=source) from error
        message = found[3]
        # an error inside an included file has that file's own line numbers
        elsewhere = not error.message.startswith("<input>:")
        if elsewhere:
            raise fault(file, f"in an included file, {error.message}", _remedy(message)) from error
        raise fault(
            file, message, _remedy(message), source=source, line=int(found[1]), column=int(found[2]) + 1
        ) from error


def _remedy(message: str) -> str:
    if "is not defined" in message:
        return "Define it before its use, or use a gate of qelib1.inc."
    if "include search path" in message:
        return "Put the included file beside this one; 'qelib1.inc' is built in."
    return "Correct that line; the file is read as OpenQASM 2.0 (version 3 begins with 'OPENQASM 3.0;')."
