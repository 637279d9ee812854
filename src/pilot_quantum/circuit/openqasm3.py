"""Reading OpenQASM 3, as far as qiskit-qasm3-import goes."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilot_quantum.circuit.fault import fault

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

_PLACE = re.compile(r"^(\d+),(\d+): (.*)$", re.DOTALL)
_VISITOR_PLACE = re.compile(r"^L(\d+):C(\d+): (.*)$", re.DOTALL)
_LEXER_PLACE = re.compile(r"line (\d+):(\d+) (.*)")


def read_openqasm3(source: str, file: Path) -> QuantumCircuit:
    """The circuit in `source`, the text of `file`. Raises CircuitError with the line where it is known."""
    import qiskit_qasm3_import
    from openqasm3 import ast

    program = _parsed(source, file)
    try:
        return qiskit_qasm3_import.convert(program)
    except Exception as error:
        found = _PLACE.match(str(error))
        if isinstance(error, qiskit_qasm3_import.ConversionError) and found:
            line, column, message = int(found[1]), int(found[2]) + 1, found[3]
        else:
            line, column, message = (
                _first_failing(program, ast.Program),
                0,
                str(error) or type(error).__name__,
            )
        raise fault(file, message, _remedy(message), source=source, line=line, column=column) from error


def _parsed(source: str, file: Path) -> Any:
    """The syntax tree of openqasm3, its parser's complaints turned into a CircuitError."""
    import openqasm3

    said = io.StringIO()
    try:
        with redirect_stderr(said):  # ANTLR prints what it dislikes instead of raising it
            return openqasm3.parse(source)
    except Exception as error:
        line, column, message = _place_of(error, said.getvalue())
        remedy = "Correct the syntax there or just before it (a missing ';' is reported at the next word)."
        raise fault(file, message, remedy, source=source, line=line, column=column) from error


def _place_of(error: BaseException, said: str) -> tuple[int, int, str]:
    """Line, column (from 1, 0 when unknown) and message of a parser's error."""
    if found := _VISITOR_PLACE.match(str(error)) or _LEXER_PLACE.search(said):
        return int(found[1]), int(found[2]) + 1, found[3]
    cause: object = error.__cause__
    while isinstance(cause, BaseException):
        token = getattr(cause, "offendingToken", None)
        if token is not None:
            text = "the end of the file" if token.text == "<EOF>" else repr(token.text)
            return token.line, token.column + 1, f"syntax error at {text}"
        cause = cause.args[0] if cause.args else None
    return 0, 0, str(error) or "syntax error"


def _first_failing(program: Any, rebuild: Any) -> int:
    """Line of the first statement that makes the conversion fail, by bisection over its beginnings."""
    import qiskit_qasm3_import

    good, bad = 0, len(program.statements)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            qiskit_qasm3_import.convert(rebuild(program.statements[:middle], program.version))
        except Exception:  # noqa: BLE001 - as above: any exception means that the fault is in this beginning
            bad = middle
        else:
            good = middle
    span = program.statements[bad - 1].span if program.statements else None
    return span.start_line if span else 0


def _remedy(message: str) -> str:
    if "support" in message:
        return (
            "Rewrite the circuit without it, or build it in Qiskit and save it as QPY (qiskit.qpy.dump), "
            "which `pilot-quantum run` reads too."
        )
    if "not defined" in message:
        return "Define it before its use, or use a gate of stdgates.inc (and include that file)."
    return "Correct that line; the file is read as OpenQASM 3."
