"""Dask's configuration in every process of ours: its defaults and what stands here, whatever the machine says."""

from __future__ import annotations

from typing import Any

import dask.config

CONNECT = 60.0
"""Seconds within which the scheduler, the workers and the client find each other."""

_SETTINGS: dict[str, Any] = {
    # Our core is the only scheduler: it decides where a bundle runs and what happens when it is lost.
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.active-memory-manager.start": False,
    # A task that holds the interpreter lock for minutes keeps its worker from saying that it lives; TCP says it.
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Nothing pauses, spills or restarts a worker but us.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.use-file-locking": False,
    "distributed.comm.timeouts.connect": f"{CONNECT} s",
    "distributed.comm.require-encryption": True,
    "distributed.comm.tls.min-version": 1.3,
    "distributed.comm.compression": False,
    # What watches and measures costs every worker some percent of its core.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1 s",
    "distributed.admin.tick.limit": "1 day",
    "distributed.admin.system-monitor.interval": "10 s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.diagnostics.nvml": False,
    "distributed.diagnostics.computations.max-history": 0,
    "distributed.scheduler.dashboard.status.task-stream-length": 1,
    "distributed.scheduler.dashboard.tasks.task-stream-length": 1,
    "logging": {"distributed": "error", "distributed.client": "critical"},
}


def isolate() -> None:
    """Forget what configuration files and the environment say; to be called before `distributed` is imported."""
    dask.config.refresh(paths=[], env={})
    dask.config.set(_SETTINGS)
