"""Pilot-Quantum: quantum-HPC middleware. Acquire capacity once, bind tasks late, adapt while running.

    import pilot_quantum as pq

    with pq.Session() as session:
        session.add_pilot("local://?cores=2")
        print(session.submit(pow, 2, 10).result())

Names are imported when they are first used, so that `import pilot_quantum` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import as_completed

    from pilot_quantum import dreamer, errors
    from pilot_quantum.errors import (
        CircuitError,
        CircuitTooLargeError,
        DependencyError,
        InvalidDescriptionError,
        JournalError,
        MPIError,
        NotPicklableError,
        PilotLostError,
        PilotQuantumError,
        RemoteTaskError,
        ResultLostError,
        SessionClosedError,
        SessionDirectoryError,
        SimulationError,
        TaskTimeoutError,
        UnsatisfiableError,
        WorkerLostError,
    )
    from pilot_quantum.resource.description import PilotDescription
    from pilot_quantum.resource.pilot import Pilot
    from pilot_quantum.resource.profile import ResourceProfile
    from pilot_quantum.resource.state import PilotState
    from pilot_quantum.session import Session
    from pilot_quantum.submitter import Submitter
    from pilot_quantum.task.future import TaskFuture
    from pilot_quantum.task.needs import Needs, Variant
    from pilot_quantum.task.options import Coupling, TaskOptions
    from pilot_quantum.task.policy import PriorityThenEarliestFinish, RoundRobin
    from pilot_quantum.task.state import TaskState
    from pilot_quantum.task.stored import Stored
    from pilot_quantum.version import __version__
    from pilot_quantum.workload.mpi.result import MPIResult

_HOME = {
    "Coupling": "pilot_quantum.task.options",
    "MPIResult": "pilot_quantum.workload.mpi.result",
    "Needs": "pilot_quantum.task.needs",
    "Pilot": "pilot_quantum.resource.pilot",
    "PilotDescription": "pilot_quantum.resource.description",
    "PilotState": "pilot_quantum.resource.state",
    "PriorityThenEarliestFinish": "pilot_quantum.task.policy",
    "ResourceProfile": "pilot_quantum.resource.profile",
    "RoundRobin": "pilot_quantum.task.policy",
    "Session": "pilot_quantum.session",
    "Stored": "pilot_quantum.task.stored",
    "Submitter": "pilot_quantum.submitter",
    "TaskFuture": "pilot_quantum.task.future",
    "TaskOptions": "pilot_quantum.task.options",
    "TaskState": "pilot_quantum.task.state",
    "Variant": "pilot_quantum.task.needs",
    "__version__": "pilot_quantum.version",
    "as_completed": "concurrent.futures",
} | dict.fromkeys(
    (
        "CircuitError",
        "CircuitTooLargeError",
        "DependencyError",
        "InvalidDescriptionError",
        "JournalError",
        "MPIError",
        "NotPicklableError",
        "PilotLostError",
        "PilotQuantumError",
        "RemoteTaskError",
        "ResultLostError",
        "SessionClosedError",
        "SessionDirectoryError",
        "SimulationError",
        "TaskTimeoutError",
        "UnsatisfiableError",
        "WorkerLostError",
    ),
    "pilot_quantum.errors",
)

__all__ = [
    "CircuitError",
    "CircuitTooLargeError",
    "Coupling",
    "DependencyError",
    "InvalidDescriptionError",
    "JournalError",
    "MPIError",
    "MPIResult",
    "Needs",
    "NotPicklableError",
    "Pilot",
    "PilotDescription",
    "PilotLostError",
    "PilotQuantumError",
    "PilotState",
    "PriorityThenEarliestFinish",
    "RemoteTaskError",
    "ResourceProfile",
    "ResultLostError",
    "RoundRobin",
    "Session",
    "SessionClosedError",
    "SessionDirectoryError",
    "SimulationError",
    "Stored",
    "Submitter",
    "TaskFuture",
    "TaskOptions",
    "TaskState",
    "TaskTimeoutError",
    "UnsatisfiableError",
    "Variant",
    "WorkerLostError",
    "__version__",
    "as_completed",
    "dreamer",
    "errors",
]


def __getattr__(name: str) -> Any:
    if name in ("dreamer", "errors"):
        return importlib.import_module(f"pilot_quantum.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'pilot_quantum' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
