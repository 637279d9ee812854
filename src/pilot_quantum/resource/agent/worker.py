"""A worker: a process that runs tasks one after the other, and a thread that listens while a long one runs.

The runner reads its socket itself while it has nothing to do, which saves every lone task a change of threads. While
it is busy, the listener takes over: it reads, withdraws what is asked back, and reports what the runner cannot.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import traceback
from time import monotonic, sleep

from pilot_quantum.resource.agent import wire
from pilot_quantum.resource.agent.capture import Ranges
from pilot_quantum.resource.agent.runner import Runner

PROMPT = 0.001
"""Seconds: a task that took longer is reported at once, shorter ones together."""
TICK = 0.005
"""Seconds between looks of the listener at what the runner does, while there is something to look at."""
OVERDUE = 0.1
"""Seconds without a look at the socket after which the listener looks in the runner's place: a bundle is planned for
half of that, so somebody may want the rest of this one back."""
LINGER = 20
"""Ticks for which the listener goes on looking at an idle runner before it sleeps until there is work."""


class Worker:
    """Runs what arrives on `link` until it closes."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._runner = Runner(Ranges())
        self._lock = threading.Lock()
        self._rows: list[wire.DoneRow] = []
        self._announced: tuple[int, int, float] | None = None
        self._frames = wire.Frames()
        self._reading = threading.Lock()
        """Who holds it reads the socket."""
        self._wanted = False
        """Whether the runner wants to read again."""
        self._looked = 0.0
        """When the runner last read."""
        self._busy = threading.Event()
        self._nudge_in, self._nudge_out = os.pipe()

    def run(self) -> None:
        """Work until the session closes the link."""
        self._send(wire.Hello(os.getpid()))
        threading.Thread(target=self._listen, name="pilot-quantum-listener", daemon=True).start()
        slow = False
        runner = self._runner
        while True:
            while (claimed := runner.claim()) is None:
                self._flush()
                if not self._read_while_idle():
                    return
            if slow:
                self._flush()
            done = runner.attempt(claimed)
            slow = done[0][3] - done[0][2] > PROMPT
            with self._lock:
                self._rows.append(done)
                runner.current = None

    def _read_while_idle(self) -> bool:
        """Wait for messages and take them; False when the session has closed the link."""
        if not self._reading.acquire(blocking=False):
            self._wanted = True
            os.write(self._nudge_out, b"\0")
            self._reading.acquire()
            self._wanted = False
        try:
            # The listener may have taken work before it handed over: then there is nothing to wait for.
            if self._runner.idle and not self._read():
                return False
        finally:
            self._reading.release()
        self._looked = monotonic()
        if not self._busy.is_set():
            self._busy.set()
        return True

    def _flush(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            current = self._runner.current
            if current is self._announced:
                current = None
            if rows or current:
                self._announced = current or self._announced
                self._link.sendall(wire.frame(wire.Report(rows, current)))

    def _send(self, message: wire.Hello | wire.Withdrawn) -> None:
        with self._lock:
            self._link.sendall(wire.frame(message))

    def _read(self) -> bool:
        data = self._link.recv(1 << 20)
        for message in self._frames.feed(data):
            self._take(wire.decode_for_worker(message))
        return bool(data)

    # The listener's side.

    def _listen(self) -> None:
        try:
            while self._watch():
                pass
        except OSError:
            pass
        except BaseException:  # noqa: BLE001 - a defect: a worker that cannot be asked back or stopped must not go on
            traceback.print_exc()
            os._exit(1)
        # The session is gone or has said goodbye: nobody waits for what still runs here.
        os._exit(0)

    def _watch(self) -> bool:
        """Sleep while the runner is idle, listen while it is busy; False when the link is closed."""
        self._busy.wait()
        for _ in range(LINGER):
            sleep(TICK)  # the one timed look: the runner announces nothing while tasks are short
            if self._is_stuck() and self._reading.acquire(blocking=False):
                try:
                    return self._listen_for_runner()
                finally:
                    self._reading.release()
        # Cleared first, looked then: a runner that is reading sees it cleared, and sets it when something has come.
        self._busy.clear()
        if self._reading.acquire(blocking=False):
            self._reading.release()
            self._busy.set()
        return True

    def _is_stuck(self) -> bool:
        """Whether the runner has been with one task for long, or with many without a look at the socket."""
        current = self._runner.current
        if current is None:
            return False
        now = monotonic()
        return now - current[2] > TICK / 2 or now - self._looked > OVERDUE

    def _listen_for_runner(self) -> bool:
        """Read and report in the runner's place until it wants to read again; False when the link is closed."""
        poll = select.poll()
        poll.register(self._link.fileno(), select.POLLIN)
        poll.register(self._nudge_in, select.POLLIN)
        wait: float | None = TICK
        while not self._wanted:
            if self._is_stuck():
                self._flush()
            ready = poll.poll(None if wait is None else wait * 1000)
            for fd, _ in ready:
                if fd == self._nudge_in:
                    os.read(self._nudge_in, 64)
                elif not self._read():
                    return False
            if ready:
                wait = TICK
            elif wait is not None:
                # A long task that was announced, with nothing behind it, ends with a report of its own.
                alone = self._announced is self._runner.current and not self._runner.pending
                wait = None if alone else min(2 * wait, 4 * TICK)
        return True

    def _take(self, message: wire.Function | wire.Tasks | wire.Withdraw) -> None:
        if isinstance(message, wire.Tasks):
            self._runner.add(message.function, message.cores, message.gpus, message.hosts, message.rows)
        elif isinstance(message, wire.Function):
            self._runner.know(message.digest, message.blob)
        else:
            self._send(wire.Withdrawn(self._runner.withdraw(message.items)))
