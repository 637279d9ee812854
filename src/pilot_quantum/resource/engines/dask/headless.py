"""Dask's servers as we run them: without a web server each, open to everybody on the machine; and in a hurry.

Dask gathers messages for 2 to 10 ms, which suits many small tasks; ours are few, and somebody waits for each.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from distributed import Client, Scheduler, Worker
from distributed.diagnostics.plugin import SchedulerPlugin

GATHERING = 0.0005
"""Seconds for which messages that follow a first one wait for more."""


class Hurry(SchedulerPlugin):
    """Makes the scheduler hand on to workers at once."""

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """One has joined."""
        scheduler.stream_comms[worker].interval = GATHERING


class HeadlessScheduler(Scheduler):
    """A scheduler with one port."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_plugin(Hurry())

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Open none."""


class HeadlessWorker(Worker):
    """A worker with one port."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.batched_stream.interval = GATHERING

    def start_http_server(self, *args: Any, **kwargs: Any) -> None:
        """Open none."""


def hurry(client: Client) -> None:
    """The same for a client that has connected."""
    if client.scheduler_comm is not None:
        client.scheduler_comm.interval = GATHERING
