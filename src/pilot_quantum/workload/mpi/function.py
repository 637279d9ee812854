"""A rank of a Python function: one on the leading host reads it and its arguments, and gives them to all.

Run as `python -m pilot_quantum.workload.mpi.function RANKS` by `rank.py`.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from pilot_quantum.resource.payload import dump, load_arguments
from pilot_quantum.workload.mpi.rank import VALUE

GIVEN = "PILOT_QUANTUM_MPI_FUNCTION"
"""Environment variable: the file of the pickled function and its arguments, on the leading host."""


def main(ranks: int) -> None:
    """Run this rank's share. Raises what the function raises; RuntimeError when the ranks do not see each other."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    if world.Get_size() != ranks:
        library = MPI.Get_library_version().splitlines()[0]
        raise RuntimeError(
            f"this rank sees {world.Get_size()} ranks where {ranks} were started: the launcher does not belong to "
            f"mpi4py's library ({library}). Set PILOT_QUANTUM_MPIEXEC to that library's mpiexec."
        )
    place = Path(os.environ[GIVEN])
    reader = world.allreduce(world.Get_rank() if place.exists() else ranks, op=MPI.MIN)
    if reader == ranks:
        raise RuntimeError(f"no rank runs on the host that leads the gang, where {place} is.")
    spec = place.read_bytes() if world.Get_rank() == reader else None
    path, function, arguments = pickle.loads(world.bcast(spec, root=reader))
    sys.path[:0] = [entry for entry in path if entry not in sys.path]
    args, kwargs = load_arguments(arguments, ())
    try:
        value = pickle.loads(function)(*args, **kwargs)
    except BaseException:  # noqa: BLE001 - whatever it is, it ends this rank at once
        # The others may be waiting for this rank inside a collective: its launcher ends them when this one has ended.
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    if world.Get_rank() == 0:
        with os.fdopen(int(os.environ[VALUE]), "wb") as file:
            file.write(dump(value))


if __name__ == "__main__":
    main(int(sys.argv[1]))
