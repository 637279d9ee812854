"""The place in a worker's process where bundles are worked off: tasks on the main thread, all talk on the loop's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import monotonic

from pilot_quantum.resource.agent.blobs import Received
from pilot_quantum.resource.agent.messages import Blob, Drop, SentRow
from pilot_quantum.resource.agent.runner import Runner
from pilot_quantum.resource.engines.dask.messages import (
    Bundle,
    Function,
    Report,
    Withdraw,
    Withdrawn,
    decode_for_worker,
    encode,
)

PROMPT = 0.001
"""Seconds: a task that took longer is reported at once, shorter ones together."""
TICK = 0.005
"""Seconds between looks at a task thread that is busy."""
OVERDUE = 0.05
"""Seconds for which what has ended may wait for more."""


class Bench:
    """One to a process. `send` takes a message for the engine, on the loop's thread."""

    def __init__(
        self, runner: Runner[tuple[bytes, bytes]], loop: asyncio.AbstractEventLoop, send: Callable[[bytes], None]
    ) -> None:
        self._runner = runner
        self._loop = loop
        self._send = send
        self._blobs = Received()
        self._arrived = threading.Condition()
        self._last = 0
        """Number of the last bundle that has arrived; they come in order."""
        self._lock = threading.Lock()
        self._rows: list[SentRow] = []
        self._flushing = False
        self._slow = False
        self._busy = False
        self._announced: tuple[int, int, float] | None = None
        self._sent = 0.0
        self._ticking = False

    # On the loop's thread.

    def take(self, data: bytes) -> None:
        """A message of the engine."""
        message = decode_for_worker(data)
        if isinstance(message, Bundle):
            rows = self._blobs.restored(message.rows, message.large) if message.large else message.rows
            self._runner.add(message.function, message.cores, message.gpus, message.hosts, rows)
            with self._arrived:
                self._last = message.number
                self._arrived.notify_all()
        elif isinstance(message, Function):
            self._runner.know(message.digest, message.blob)
        elif isinstance(message, Blob):
            self._blobs.take(message)
        elif isinstance(message, Drop):
            self._blobs.drop(message)
        elif isinstance(message, Withdraw):
            self._send(encode(Withdrawn(self._runner.withdraw(message.items))))

    def _flush(self) -> None:
        """Report what has ended. Rows first, then who is running: so that none is said to begin after it has ended."""
        self._flushing = False
        with self._lock:
            rows, self._rows = self._rows, []
        current = self._runner.current
        if current is not None and (current == self._announced or not self._is_long(current)):
            current = None
        if rows or current:
            self._announced = current or self._announced
            self._sent = monotonic()
            self._send(encode(Report(rows, current)))

    def _is_long(self, current: tuple[int, int, float]) -> bool:
        return self._slow or monotonic() - current[2] > TICK / 2

    def _start_ticking(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._sent = monotonic()
            self._loop.call_later(TICK, self._tick, TICK)

    def _tick(self, wait: float) -> None:
        if not self._busy:
            self._ticking = False
            return
        current = self._runner.current
        now = monotonic()
        if current is not None and now - current[2] > TICK / 2:
            if current == self._announced:
                wait = min(2 * wait, 4 * TICK)
            else:
                wait = TICK
                self._flush()
        elif self._rows and now - self._sent > OVERDUE:
            self._flush()
        self._loop.call_later(wait, self._tick, wait)

    # On the thread of the tasks.

    def run(self, number: int) -> None:
        """Work until nothing is left, bundle `number` included; what it takes of the next ones they need no more do."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._last >= number)  # should the engine be gone, so is this process soon
        self._busy = True
        self._loop.call_soon_threadsafe(self._start_ticking)
        run_next, lock = self._runner.run_next, self._lock
        try:
            while (row := run_next()) is not None:
                self._slow = row[0][3] - row[0][2] > PROMPT
                with lock:
                    self._rows.append(row)
                if self._slow and not self._flushing:
                    self._flushing = True
                    self._loop.call_soon_threadsafe(self._flush)
        finally:
            self._busy = False
            self._loop.call_soon_threadsafe(self._flush)


_bench: Bench | None = None


def install(bench: Bench) -> None:
    """Make `bench` that of this process."""
    global _bench
    _bench = bench


def run(number: int) -> None:
    """What Dask calls: work off bundle `number` in this worker's process."""
    if _bench is None:
        raise RuntimeError(f"bundle {number} was sent to a process that is no worker of a pilot")
    _bench.run(number)
