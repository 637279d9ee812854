"""Reading QPY, Qiskit's binary format; one file may hold several circuits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from pilot_quantum.circuit.fault import fault

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

MAGIC = b"QISKIT"
"""First bytes of every QPY file."""


def read_qpy(content: bytes, file: Path) -> list[QuantumCircuit]:
    """The circuits in `content`, the bytes of `file`. Raises CircuitError when it is damaged or too new."""
    from qiskit import qpy
    from qiskit.exceptions import QiskitError
    from qiskit.version import get_version_info

    try:
        return list(qpy.load(io.BytesIO(content)))
    except QiskitError as error:
        here = get_version_info()
        remedy = (
            f"It is damaged or cut short, or from a newer Qiskit than {here}: write it again with qiskit.qpy.dump, or "
            "update Qiskit here."
        )
        words = error.message.partition("\n")[0].strip()  # what follows is for the developers of the reader
        raise fault(file, f"this QPY file cannot be read: {words}", remedy) from error
    except Exception as error:
        remedy = "The file is damaged or cut short: write it again with qiskit.qpy.dump."
        raise fault(file, f"this QPY file cannot be read ({type(error).__name__}: {error})", remedy) from error
