"""What this node really has, and for how long."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from pilot_quantum.resource import machine
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.agent.hosts import Inventory
from pilot_quantum.resource.channel.handshake import facts
from pilot_quantum.resource.site import look_around

_MIB = 1 << 20
_SQUEUE = 10.0
"""Seconds for which the batch system may think about how long we have."""


def take(config: AgentConfig) -> Inventory:
    """The inventory of this node, of what was asked for."""
    there = facts()
    return Inventory(
        host=socket.gethostname(),
        cores=_cores(config),
        gpus=_gpus(config),
        memory=_memory(config),
        capabilities=config.capabilities | machine.capabilities(),
        versions=there.versions | {"python": there.python},
        site=look_around(),
    )


def ends_at(config: AgentConfig, environ: Mapping[str, str] = os.environ) -> float | None:
    """Monotonic seconds at which the allocation ends; None where nobody says. May ask the batch system, which takes."""
    end = environ.get("SLURM_JOB_END_TIME", "")
    if end.isdigit():
        return time.monotonic() + int(end) - time.time()
    left = _squeue(environ["SLURM_JOB_ID"]) if "SLURM_JOB_ID" in environ else None
    if left is None:
        left = config.walltime
    return None if left is None else time.monotonic() + left


def seconds(text: str) -> float | None:
    """Seconds that Slurm writes as [D-][H:]M:S; None for UNLIMITED, INVALID and the like."""
    days, _, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts) or not (days.isdigit() or not days):
        return None
    total = 0
    for part in parts:
        total = 60 * total + int(part)
    return float(total + 86_400 * int(days or 0))


def _squeue(job: str) -> float | None:
    command = ["squeue", "--noheader", "--format=%L", f"--jobs={job}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SQUEUE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return seconds(done.stdout)


def _cores(config: AgentConfig) -> int:
    """What was asked for, and at most what the batch system or the system's affinity gives."""
    granted = os.environ.get("SLURM_CPUS_ON_NODE", "")
    given = int(granted) if granted.isdigit() else 0
    if config.cores is None:
        return min(machine.cores(), given or machine.cores())
    return config.cores if config.exact else min(config.cores, max(machine.cores(), given))


def _memory(config: AgentConfig) -> int:
    granted = os.environ.get("SLURM_MEM_PER_NODE", "")
    there = min(machine.memory(), int(granted) * _MIB) if granted.isdigit() and int(granted) else machine.memory()
    return there if config.memory is None else config.memory if config.exact else min(config.memory, there)


def _gpus(config: AgentConfig) -> tuple[str, ...]:
    """Devices by the names that CUDA_VISIBLE_DEVICES uses."""
    if not config.gpus:
        return ()
    batch = os.environ.get("SLURM_STEP_GPUS") or os.environ.get("SLURM_JOB_GPUS") or ""
    found = machine.visible_gpus() or tuple(name for name in batch.split(",") if name) or _devices()
    if len(found) < config.gpus and config.exact:
        return machine.gpu_ids(config.gpus)
    return found[: config.gpus]


def _devices() -> tuple[str, ...]:
    names = sorted(int(path.name[6:]) for path in Path("/dev").glob("nvidia[0-9]*") if path.name[6:].isdigit())
    return tuple(str(name) for name in names)
