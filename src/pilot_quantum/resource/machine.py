"""What this machine has: cores, memory and capabilities that this process may use."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import psutil

from pilot_quantum.resource.capacity import LIGHTNING, SIMULATOR

_CGROUP = Path("/sys/fs/cgroup")
_MODULES = {SIMULATOR: "qiskit_aer", LIGHTNING: "pennylane_lightning"}


def cores() -> int:
    """CPU cores that this process may use: its affinity, bounded by its cgroup's CPU quota."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read(_CGROUP / "cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        available = min(available, max(1, int(quota[0]) // int(quota[1])))
    return available


def memory() -> int:
    """Bytes of memory that this process may use: the machine's, bounded by its cgroup's limit."""
    total = int(psutil.virtual_memory().total)
    limit = _read(_CGROUP / "memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def capabilities() -> frozenset[str]:
    """What tasks can ask for by name here: "simulator" where qiskit-aer is installed, "lightning" likewise."""
    return frozenset(name for name, module in _MODULES.items() if importlib.util.find_spec(module))


def visible_gpus() -> tuple[str, ...]:
    """Names of the GPUs that this program was told to use; empty where it was told nothing."""
    return tuple(name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip())


def gpu_ids(count: int) -> tuple[str, ...]:
    """Names of the first `count` GPUs, as CUDA_VISIBLE_DEVICES lists them."""
    return visible_gpus()[:count] or tuple(str(index) for index in range(count))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
