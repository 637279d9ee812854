"""MPI programs as tasks: ranks that run at the same time on the nodes of one gang."""

from pilot_quantum.workload.mpi.result import MPIResult

__all__ = ["MPIResult"]
