"""What Ray's processes see in their environment: our settings, and none of the user's for other clusters."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping

SETTINGS = {
    # Who has no token is refused by every server of the cluster.
    "RAY_AUTH_MODE": "token",
    # Which GPUs a task sees is said by our slot, not by Ray, for which the actors need none.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # No task of ours is killed by Ray for the memory that it uses.
    "RAY_memory_monitor_refresh_ms": "0",
    # Nobody reads metrics or task events: a third of the work for a short task.
    "RAY_enable_open_telemetry": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_event_stats": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # What a worker leaves in its process group ends with it, however it ends.
    "RAY_process_group_cleanup_enabled": "1",
    # Below `uv run`, Ray would start its workers by that same command, in a copy of the user's directory: never ready.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # A head that is gone does not come back: fail soon.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
    # A network that is away for less than our grace time cuts nothing: without this, 20 s.
    "RAY_grpc_keepalive_timeout_ms": "60000",
    "RAY_worker_num_grpc_internal_threads": "1",
}


def purify(environ: MutableMapping[str, str], **ours: str) -> None:
    """Replace everything of Ray's in `environ` (RAY_ADDRESS, RAY_TMPDIR, …) by our settings and `ours`."""
    for name in [name for name in environ if name.upper().startswith("RAY_")]:
        del environ[name]
    environ.update(SETTINGS | ours)


def keep_address(address: str) -> None:
    """Make Ray's code in this process take a loopback address as it is.

    It would put the machine's outer address in its place, and its servers would listen to everybody.
    """
    from ray._private import services

    if ipaddress.ip_address(address).is_loopback:
        services.resolve_ip_for_localhost = lambda host: host
