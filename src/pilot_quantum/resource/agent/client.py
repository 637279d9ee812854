"""The session's end of the guard: starts it, asks it for workers, hears of their deaths."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pilot_quantum.resource.agent import wire
from pilot_quantum.resource.engines.events import Loop

_BOOT = "import sys; sys.path.append({root!r}); from pilot_quantum.resource.agent.guard import main; main({fd}, {session})"


class GuardClient:
    """One guard process, shared by all pilots of a session on this host."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._watchers: dict[str, Callable[[int, str], None]] = {}
        self._on_loss: list[Callable[[str], None]] = []
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = str(Path(__file__).resolve().parents[3])
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT.format(root=root, fd=theirs.fileno(), session=os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is for the session, which then ends the guard
            )
        loop.watch(self._control.fileno(), self._heard)

    def on_loss(self, callback: Callable[[str], None]) -> None:
        """Call `callback(cause)` should the guard itself die; its workers die with it."""
        self._on_loss.append(callback)

    def start(self, start: wire.Start, on_exit: Callable[[int, str], None]) -> socket.socket:
        """Fork a worker; the session's end of its link. `on_exit(generation, how)` is called when it has ended."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._watchers[start.worker] = on_exit
        with theirs, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then on_loss tells
            socket.send_fds(self._control, [wire.encode(start)], [theirs.fileno()])
        return ours

    def kill(self, worker: str, generation: int) -> None:
        """End a worker with all that it started."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.send(wire.encode(wire.Kill(worker, generation)))

    def close(self, timeout: float = 5.0) -> None:
        """End the guard and, by it, every worker; wait until it is gone, `timeout` seconds at most."""
        self._loop.unwatch(self._control.fileno())
        with contextlib.suppress(OSError):
            # A child that the program has forked may hold a copy of the socket: closing ours would not end the stream.
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def _heard(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if data:
            exited = wire.decode_from_guard(data)
            watcher = self._watchers.get(exited.worker)
            if watcher is not None:
                watcher(exited.generation, exited.how)
            return
        self._loop.unwatch(self._control.fileno())
        for callback in self._on_loss:
            callback(f"the guard process {self._process.pid} died")


def worker_start(
    worker: str, generation: int, environ: dict[str, str], stdout: Path, stderr: Path
) -> wire.Start:
    """What the guard needs to fork a worker that sees what this process sees."""
    return wire.Start(
        worker=worker,
        generation=generation,
        environ=dict(os.environ) | environ,
        directory=os.getcwd(),
        path=[entry or os.getcwd() for entry in sys.path],
        stdout=str(stdout),
        stderr=str(stderr),
    )
