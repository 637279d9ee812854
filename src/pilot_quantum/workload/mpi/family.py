"""Which MPI is spoken here: by mpi4py's library or a program, and which mpiexec belongs to it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pilot_quantum.errors import MPIError

MPIEXEC = "PILOT_QUANTUM_MPIEXEC"
"""Environment variable: the mpiexec to use, where the one that is found is not the right one."""
MPICH, OPENMPI = "mpich", "openmpi"
_PATIENCE = 60.0
"""Seconds for a command that only says what it is."""
_LIBRARIES = {OPENMPI: (b"\0libmpi.so.40\0", b"\0libmpi.so.80\0"), MPICH: (b"\0libmpi.so.12\0", b"\0libmpich.so")}
"""As linked programs name them."""


@cache
def launcher(chosen: str = "", wanted: str = "") -> tuple[str, str]:
    """The family and the path of the mpiexec of the family `wanted`, or of any; `chosen`: this one. Raises MPIError."""
    found = [chosen] if chosen else _candidates()
    for path in found:
        family = _family(path)
        if family and (chosen or not wanted or family == wanted):
            return family, path
    if chosen:
        raise MPIError(f"{MPIEXEC}={chosen!r} is no mpiexec of MPICH or Open MPI: it does not say so with --version.")
    searched = ", ".join(found) or "PATH"
    needs = f"an mpiexec of {wanted}, to which mpi4py or the program belongs," if wanted else "an mpiexec"
    raise MPIError(
        f"{needs} is needed, and was not found in {searched}. Install one (pip install 'pilot-quantum[mpi]' brings "
        f"MPICH), or set {MPIEXEC}."
    )


def spoken(program: str | None) -> str:
    """The family of the library that this program is linked to, or else that mpi4py loads; empty where unknown."""
    return (_linked(program) if program else "") or library(os.environ.get("MPI4PY_LIBMPI", ""))


@cache
def library(setting: str = "") -> str:
    """The family of the library that mpi4py loads, as its own `setting` says; empty without mpi4py.

    Asked in another process: loading it here would decide for all tasks to come.
    """
    ask = "from mpi4py import MPI; print(MPI.Get_library_version())"
    environ = outside(os.environ)  # where MPI would try to talk to the launcher that has started us
    environ |= {"MPI4PY_LIBMPI": setting} if setting else {}
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, env=environ, check=False)
    return _named(answer.stdout) if answer.returncode == 0 else ""


def outside(environ: Mapping[str, str]) -> dict[str, str]:
    """This environment without what MPI launchers and batch systems tell the processes that they start."""
    told = re.compile(r"(PMI|PMIX|OMPI_COMM_WORLD|OMPI_UNIVERSE|ORTE|PRTE|SLURM|SLURMD|PBS|HYDI?)_")
    return {name: value for name, value in environ.items() if not told.match(name)}


def _linked(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        with open(path, "rb") as file:
            data = file.read() if file.read(4) == b"\x7fELF" else b""
    except OSError:
        return ""
    return next((family for family, names in _LIBRARIES.items() if any(name in data for name in names)), "")


def _candidates() -> list[str]:
    names = ("mpiexec", "mpirun", "mpiexec.hydra", "mpiexec.mpich", "mpirun.openmpi")
    beside = [str(Path(sys.prefix) / "bin" / name) for name in names]
    found = [
        path for path in [*beside, *(shutil.which(name) or "" for name in names)] if path and os.access(path, os.X_OK)
    ]
    return list(dict.fromkeys(found))


def _family(path: str) -> str:
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            env=outside(os.environ),
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return _named(answer.stdout + answer.stderr)


def _named(text: str) -> str:
    lowered = text.lower()
    if any(name in lowered for name in ("open mpi", "open-mpi", "openrte", "prrte")):
        return OPENMPI
    return MPICH if any(name in lowered for name in ("mpich", "hydra", "intel(r) mpi")) else ""
