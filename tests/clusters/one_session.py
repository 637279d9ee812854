"""A program with one session, for tests that watch several: `python -m tests.clusters.one_session`.

It answers each line on stdin with one of JSON on stdout: "work" runs tasks on every pilot, "close" ends it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pilot_quantum as pq
from pilot_quantum.resource.engines import reception
from pilot_quantum.resource.state import PilotState

LIMIT = 120.0
TASKS = 6
PILOTS = {
    "processes": "local://?cores=1",
    "dask": "local://?cores=1&engine=dask",
    "ray": "local://?cores=1&engine=ray",
    "ssh": f"ssh://h1?cores=1&engine=processes&interpreter={os.environ.get('REMOTE_PYTHON', sys.executable)}",
}


def cube(number: int) -> tuple[int, int]:
    """Something to be right, and the process that computed it."""
    return number**3, os.getpid()


def work(session: pq.Session) -> dict[str, list[int]]:
    """The processes that have worked for each pilot; every value is checked."""
    workers: dict[str, list[int]] = {}
    for name in PILOTS:
        there = session.with_options(needs=pq.Needs(capabilities={name}))
        done = [there.submit(cube, number) for number in range(TASKS)]
        results = [future.result(LIMIT) for future in done]
        assert [value for value, _ in results] == [number**3 for number in range(TASKS)]
        workers[name] = sorted({pid for _, pid in results})
    return workers


def main() -> None:
    """Obey until there is nobody to obey."""
    reception.GRACE = 3.0
    with pq.Session(Path.home() / "session") as session:
        pilots = [session.add_pilot(f"{url}&capabilities={name}", name=name) for name, url in PILOTS.items()]
        for line in sys.stdin:
            if line.strip() == "close":
                break
            print(json.dumps(work(session)), flush=True)
            assert {pilot.state for pilot in pilots} == {PilotState.ACTIVE}
    print("{}", flush=True)


if __name__ == "__main__":
    main()
