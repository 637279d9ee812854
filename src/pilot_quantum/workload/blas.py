"""Keeps Aer's own OpenBLAS from reading past its arrays. To be imported before `qiskit_aer` is.

The one in the wheels of qiskit-aer 0.17 and 0.18 is 0.3.15, whose product of a complex matrix and a vector reads past
the matrix's end on newer x86 processors (OpenBLAS, issue 4013). Half of all singular value decompositions do that, and
where memory ends there, the process dies by SIGSEGV; in the heap of the thread that Aer runs in it often does. The
kernels for Nehalem do not. They take as long for small matrices, 1.7 times as long for bonds of 128. The library asks
for the processor's name when it is loaded, so it is loaded here with that name, and others, such as NumPy's, keep their
own. Where somebody has chosen a name, or `qiskit_aer` is loaded already, everything stays as it is.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_NAME = "OPENBLAS_CORETYPE"
_SOUND = "Nehalem"


def _load() -> None:
    if platform.machine() not in ("x86_64", "AMD64") or _NAME in os.environ or "qiskit_aer" in sys.modules:
        return
    aer = find_spec("qiskit_aer")
    if aer is None or aer.origin is None:
        return
    os.environ[_NAME] = _SOUND
    try:
        for library in (Path(aer.origin).parent.parent / "qiskit_aer.libs").glob("libopenblas*"):
            with suppress(OSError):  # then Aer's own import says what is the matter
                ctypes.CDLL(str(library))
    finally:
        del os.environ[_NAME]


_load()
