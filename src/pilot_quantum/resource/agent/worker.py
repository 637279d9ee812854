"""A worker: a process that runs tasks one after the other, and a thread that listens while a long one runs.

The runner reads its socket itself while it has nothing to do, which saves every lone task a change of threads. While
it is busy, the listener takes over: it reads, withdraws what is asked back, and reports what the runner cannot.
Ownership of a task is decided by one atomic `dict.pop` from `_pending`: whoever pops it, the runner to begin it or the
listener to withdraw it, has it.
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import sys
import threading
import traceback
from collections import deque
from time import monotonic, sleep
from typing import Any

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.resource.agent import threads, wire
from pilot_quantum.resource.payload import dump, load_arguments

PROMPT = 0.001
"""Seconds: a task that took longer is reported at once, shorter ones together."""
TICK = 0.005
"""Seconds between looks of the listener at what the runner does, while there is something to look at."""
OVERDUE = 0.1
"""Seconds without a look at the socket after which the listener looks in the runner's place: a bundle is planned for
half of that, so somebody may want the rest of this one back."""
LINGER = 20
"""Ticks for which the listener goes on looking at an idle runner before it sleeps until there is work."""

Key = tuple[int, int]


class Worker:
    """Runs what arrives on `link` until it closes."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._pending: dict[Key, tuple[wire.Tasks, wire.ParcelRow]] = {}
        self._order: deque[Key] = deque()
        self._functions: dict[str, bytes | Any] = {}
        self._lock = threading.Lock()
        self._rows: list[wire.DoneRow] = []
        self._current: tuple[int, int, float] | None = None
        self._announced: tuple[int, int, float] | None = None
        self._streams = (1, 2)
        self._output = (0, 0)
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
        # Copies: a task may put something else in the places 1 and 2.
        self._streams = (os.dup(1), os.dup(2))
        self._output = self._positions()
        self._send(wire.Hello(os.getpid()))
        threading.Thread(target=self._listen, name="pilot-quantum-listener", daemon=True).start()
        slow = False
        order, pending, process = self._order, self._pending, os.getpid()
        while True:
            while not order:
                self._flush()
                if not self._read_while_idle():
                    return
            key = order.popleft()
            claimed = pending.pop(key, None)
            if claimed is None:
                continue
            tasks, row = claimed
            began = monotonic()
            self._current = (row[0], row[1], began)
            if slow:
                self._flush()
            done = self._attempt(tasks, row, began)
            if os.getpid() != process:
                os._exit(not done[0][4])  # a child that the task has forked, and that came back from the task
            slow = done[0][3] - began > PROMPT
            with self._lock:
                self._rows.append(done)
                self._current = None

    def _read_while_idle(self) -> bool:
        """Wait for messages and take them; False when the session has closed the link."""
        if not self._reading.acquire(blocking=False):
            self._wanted = True
            os.write(self._nudge_out, b"\0")
            self._reading.acquire()
            self._wanted = False
        try:
            # The listener may have taken work before it handed over: then there is nothing to wait for.
            if not self._order and not self._read():
                return False
        finally:
            self._reading.release()
        self._looked = monotonic()
        if not self._busy.is_set():
            self._busy.set()
        return True

    def _attempt(self, tasks: wire.Tasks, row: wire.ParcelRow, began: float) -> wire.DoneRow:
        task, attempt, payload, inputs = row
        try:
            threads.adopt(tasks.cores, tasks.gpus)
            function = self._function(tasks.function)
            args, kwargs = load_arguments(payload, inputs)
            value = function(*args, **kwargs)
            del args, kwargs
            result, ok = _dump_result(value), True
        except BaseException as error:  # noqa: BLE001 - whatever user code raises belongs to its future
            result, ok = dump_error(error), False
        ended = monotonic()
        return (task, attempt, began, ended, ok), result, self._output_since_last(attempt)

    def _function(self, digest: str) -> Any:
        function = self._functions[digest]
        if isinstance(function, bytes):
            function = self._functions[digest] = pickle.loads(function)
        return function

    def _output_since_last(self, attempt: int) -> tuple[int, int, int, int] | None:
        before, after = self._output, self._positions()
        if before == after and attempt == 1:
            return None  # a later one that prints nothing must still say so: the one before it may have printed
        self._output = after
        return before[0], after[0], before[1], after[1]

    def _positions(self) -> tuple[int, int]:
        """How far stdout and stderr have been written, in bytes."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # closed or replaced by the task: then there is nothing to flush
        return _position(self._streams[0]), _position(self._streams[1])

    def _flush(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            current = self._current
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
        current = self._current
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
                alone = self._announced is self._current and not self._pending
                wait = None if alone else min(2 * wait, 4 * TICK)
        return True

    def _take(self, message: wire.Function | wire.Tasks | wire.Withdraw) -> None:
        if isinstance(message, wire.Tasks):
            for row in message.rows:
                key = (row[0], row[1])
                self._pending[key] = (message, row)
                self._order.append(key)
        elif isinstance(message, wire.Function):
            self._functions[message.digest] = message.blob
        else:
            taken = [item for item in message.items if self._pending.pop(item, None) is not None]
            self._send(wire.Withdrawn(taken))


def _dump_result(value: object) -> bytes:
    try:
        return dump(value)
    except Exception as error:
        raise NotPicklableError(
            f"the result (a {type(value).__module__}.{type(value).__qualname__}) cannot be sent back: "
            f"{type(error).__name__}: {error}. Return plain data (numbers, arrays, strings, dicts)."
        ) from error


def dump_error(error: BaseException) -> bytes:
    """A pickled (pickled exception or None, type, message, traceback): what a future needs to raise it again."""
    text = "".join(traceback.format_exception(error))
    blob: bytes | None
    try:
        blob = dump(error.with_traceback(None))
        pickle.loads(blob)
    except BaseException:  # noqa: BLE001 - an exception that does not survive the journey travels as text
        blob = None
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - a broken __str__ must not lose the outcome
        message = "(no message: its __str__ raises)"
    return pickle.dumps((blob, f"{type(error).__module__}.{type(error).__qualname__}", message, text))


def _position(fd: int) -> int:
    try:
        return os.lseek(fd, 0, os.SEEK_CUR)
    except OSError:
        return 0
