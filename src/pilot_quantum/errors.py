"""Every error that Pilot-Quantum raises: what was asked, what was found, what to do."""

from __future__ import annotations


class PilotQuantumError(Exception):
    """Base of all errors of Pilot-Quantum."""


class PilotQuantumWarning(UserWarning):
    """What Pilot-Quantum warns of; the command line shows its message alone, as a line on stderr."""


class InvalidDescriptionError(PilotQuantumError, ValueError):
    """A need, a pilot's description, profile or URL, a target or another number has a value that cannot be meant."""


class UnsatisfiableError(PilotQuantumError):
    """No live or announced pilot can ever satisfy what a task needs."""


class PilotLostError(PilotQuantumError):
    """The last pilot that could run the task has ended."""


class WorkerLostError(PilotQuantumError):
    """The task was stopped because the workers that ran it, and nothing else, kept dying."""


class TaskTimeoutError(PilotQuantumError, TimeoutError):
    """The task ran longer than its `timeout`."""


class DependencyError(PilotQuantumError):
    """An input of the task failed or was cancelled, so the task was never run; `__cause__` is the first cause."""

    origin = ""
    """The task that was the first to fail."""


class ResultLostError(PilotQuantumError):
    """A result that was kept on its pilot (`keep_remote=True`) went with it before anybody had asked for it."""


class NotPicklableError(PilotQuantumError, TypeError):
    """A function, an argument or a result cannot travel between processes."""


class RemoteTaskError(PilotQuantumError):
    """User code raised an exception that could not be rebuilt here; its type, message and traceback are text."""


class SessionClosedError(PilotQuantumError, RuntimeError):
    """The session is closed and takes no more work."""


class SessionDirectoryError(PilotQuantumError, OSError):
    """The session's directory cannot be written."""


class JournalError(PilotQuantumError):
    """The journal cannot be written or read."""


class CircuitError(PilotQuantumError, ValueError):
    """A circuit, an observable, a binding or cuts cannot be used as given."""


class CircuitTooLargeError(CircuitError, UnsatisfiableError):
    """A circuit needs more memory than any pilot has."""


class CalibrationError(PilotQuantumError):
    """A calibration is of another machine or another version of the cost models, or its file cannot be used."""


class CutError(CircuitError, UnsatisfiableError):
    """No cuts make a circuit fit the workers' widths within the overhead allowed."""


class SimulationError(PilotQuantumError):
    """The simulator could not run a circuit; the message is its own."""


class MPIError(PilotQuantumError):
    """A rank of an MPI program failed, or its ranks could not be started; the message has the rank's own words."""
