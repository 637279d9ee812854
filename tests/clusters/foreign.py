"""A Ray and a Dask cluster of somebody else: `python -m tests.clusters.foreign`.

Prints one line of JSON with their addresses, and one with who is there for each line on stdin.
"""

from __future__ import annotations

import json
import os
import sys


def _three() -> int:
    return 3


def main() -> None:
    """Have both clusters until stdin ends."""
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # below `uv run` it would run its workers by that command
    import ray
    from distributed import Client, LocalCluster

    context = ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster, Client(cluster) as client:
        print(json.dumps({"ray": context.address_info["gcs_address"], "dask": cluster.scheduler_address}), flush=True)
        for _ in sys.stdin:
            there = {
                "nodes": sum(node["Alive"] for node in ray.nodes()),
                "actors": len(ray.util.list_named_actors(all_namespaces=True)),
                "ray works": ray.get(ray.remote(_three).remote()),
                "workers": len(client.scheduler_info()["workers"]),
                "clients": len(cluster.scheduler.clients),
                "dask works": client.submit(_three, pure=False).result(30),
            }
            print(json.dumps(there), flush=True)


if __name__ == "__main__":
    main()
