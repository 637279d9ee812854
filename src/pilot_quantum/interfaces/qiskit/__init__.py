"""Qiskit's primitives, run by a session: `session.sampler()` and `session.estimator()`."""

from __future__ import annotations

try:
    import qiskit as _qiskit
    import qiskit_aer as _qiskit_aer
except ImportError as error:
    raise ImportError(
        f"Sampler and estimator need Qiskit and Qiskit Aer, but {error.name or error} is not installed. "
        f"Install them with: pip install 'pilot-quantum[qiskit]'"
    ) from error

from pilot_quantum.interfaces.qiskit.estimator import Estimator
from pilot_quantum.interfaces.qiskit.job import PilotJob
from pilot_quantum.interfaces.qiskit.options import EstimatorOptions, SamplerOptions
from pilot_quantum.interfaces.qiskit.sampler import Sampler

del _qiskit, _qiskit_aer

__all__ = ["Estimator", "EstimatorOptions", "PilotJob", "Sampler", "SamplerOptions"]
