"""Numeric threads and visible GPUs of this process, as its slot says."""

from __future__ import annotations

import os
import sys
from typing import Any

CORES = "PILOT_QUANTUM_CORES"
"""Environment variable that tells a task how many cores its slot has."""

_LIMITS = (
    CORES,
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_NUMERIC = ("numpy", "scipy", "qiskit_aer", "torch", "sklearn")


class _Adopted:
    cores = 0
    gpus = ""
    limited: tuple[Any, ...] = ()


def environment(cores: int, gpus: str) -> dict[str, str]:
    """The variables that limit numeric libraries to `cores` threads and CUDA to `gpus` (comma-separated ids)."""
    return dict.fromkeys(_LIMITS, str(cores)) | {"CUDA_VISIBLE_DEVICES": gpus}


def adopt(cores: int, gpus: str) -> None:
    """Make this process use `cores` threads and `gpus`; cheap when nothing changes."""
    loaded = tuple(name for name in _NUMERIC if name in sys.modules)
    if cores == _Adopted.cores and gpus == _Adopted.gpus and (cores == 1 or loaded == _Adopted.limited):
        return
    os.environ.update(environment(cores, gpus))
    if loaded and (cores, loaded) != (_Adopted.cores, _Adopted.limited):
        # A library that is loaded has read its variable already: tell it directly.
        import threadpoolctl

        threadpoolctl.threadpool_limits(limits=cores)
    _Adopted.cores, _Adopted.gpus, _Adopted.limited = cores, gpus, loaded
