"""How long to the first answer: `import pilot_quantum`, and from process start to a first no-op's result.

With `--engine dask` or `--engine ray` the same machinery without us is timed in turns with ours: what do we add?
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import msgspec

from benchmarks.pairs import Machine, Samples, emit, in_turns, machine, parser, session_directory

IMPORT = "import time; t = time.perf_counter(); import pilot_quantum; print(time.perf_counter() - t)"
# `operator.neg` lives in the standard library: the worker has nothing to fetch or import.
OURS = """
import operator, sys
import pilot_quantum as pq
with pq.Session(sys.argv[1]) as session:
    session.add_pilot("local://?cores=2&engine=ENGINE")
    print(session.submit(operator.neg, 1).result(), flush=True)
"""
PEERS = {
    "processes": """
import operator
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(2) as pool:
    print(pool.submit(operator.neg, 1).result(), flush=True)
""",
    "dask": """
import operator
from distributed import Client, LocalCluster
with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
    with Client(cluster) as client:
        print(client.submit(operator.neg, 1).result(), flush=True)
""",
    "ray": """
import os
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=500 << 20)
print(ray.get(ray.remote(lambda i: -i).remote(1)), flush=True)
""",
}
"""engine -> a program that has its first result from that machinery without us."""


class Startup(msgspec.Struct, frozen=True):
    """Seconds; medians of the rounds, after one that is not counted."""

    engine: str
    import_s: float
    first_result_s: float
    peer_first_result_s: float
    added_s: float
    imports: Samples
    first_results: Samples
    peer_first_results: Samples
    settings: str
    machine: Machine


def import_seconds() -> float:
    """Seconds that a fresh interpreter takes to import the package, with files cached and compiled."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return float(done.stdout)


def first_result_seconds(program: str) -> float:
    """Seconds from starting a process to its first result: interpreter, imports, workers included."""
    with session_directory() as directory:
        start = time.perf_counter()
        command = [sys.executable, "-c", program, directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
    if line.strip() != "-1":
        raise AssertionError(f"the program printed {line!r} instead of -1, exit code {process.returncode}")
    return seconds


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--engine", choices=list(PEERS), default="processes", help="the engine of our pilot")
    args = options.parse_args()
    facts = machine()
    ours = partial(first_result_seconds, OURS.replace("ENGINE", args.engine))
    peer = partial(first_result_seconds, PEERS[args.engine])
    imports, first, theirs = in_turns([import_seconds, ours, peer], "s", args.pairs)
    emit(
        Startup(
            engine=args.engine,
            import_s=imports.median,
            first_result_s=first.median,
            peer_first_result_s=theirs.median,
            added_s=round(first.median - theirs.median, 4),
            imports=imports,
            first_results=first,
            peer_first_results=theirs,
            settings=f"fresh interpreters; local://?cores=2&engine={args.engine}, submit(operator.neg, 1).result()",
            machine=facts,
        ),
        args.json,
    )


if __name__ == "__main__":
    main()
