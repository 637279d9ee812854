"""The session's end of the guard: starts it, asks it for workers, hears of their deaths."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path

from pilot_quantum.resource.agent import wire
from pilot_quantum.resource.agent.marks import kill_marked
from pilot_quantum.resource.agent.runner import PATH
from pilot_quantum.resource.engines.events import Loop

# Without the empty entry that `-c` adds: a file random.py in the working directory is none of the guard's business.
_BOOT = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry] + {path!r}; "
    "from pilot_quantum.resource.agent.guard import main; main({fd}, {session}, {token!r}, {patient!r})"
)

_OURS = Path(__file__).resolve().parents[3]
"""Where this package is found."""
_WORDS, _LINES = 4096, 5
"""Bytes and lines of a program's log that tell how it ended."""

# Held while a process is being started. A child that another thread forks meanwhile would hold a copy of the pipe on
# which the start is reported, and we would wait for as long as that child lives.
starting = threading.Lock()
os.register_at_fork(before=starting.acquire, after_in_parent=starting.release, after_in_child=starting.release)


class GuardClient:
    """One guard process, shared by the pilots of a session on this host. Never blocks, but in `close`."""

    def __init__(self, loop: Loop, *, patient: bool = False) -> None:
        """Start the guard; a `patient` one leaves SIGTERM to us.

        Raises OSError when the system gives no process or descriptor for it.
        """
        self._loop = loop
        self._watchers: dict[tuple[str, int], Callable[[str], None]] = {}
        self._on_loss: list[Callable[[str], None]] = []
        self._backlog: deque[tuple[bytes, socket.socket | FileIO | None]] = deque()
        self._stalled = False
        """Whether the guard's queue was full, so that we wait until it can be written to."""
        self._environ = _environ()
        self.token = secrets.token_hex(8)
        """With which the marks of all that this guard has started begin."""
        self.path: list[str] = []
        """Directories whose modules come before all others in workers and programs."""
        self.lost = False
        """Whether the guard has died by itself."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = [*search_path(), str(_OURS)]
        boot = _BOOT.format(path=path, fd=theirs.fileno(), session=os.getpid(), token=self.token, patient=patient)
        with theirs, starting:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", boot],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C in the terminal is for the session, which then ends the guard
                )
            except OSError:
                self._control.close()
                raise
        self._control.setblocking(False)
        loop.watch(self._control.fileno(), self._ready)

    def on_loss(self, callback: Callable[[str], None]) -> None:
        """Call `callback(cause)` should the guard itself die; its workers die with it."""
        self._on_loss.append(callback)

    def off_loss(self, callback: Callable[[str], None]) -> None:
        """Forget a callback given to `on_loss`."""
        with contextlib.suppress(ValueError):
            self._on_loss.remove(callback)

    def start(
        self,
        worker: str,
        generation: int,
        environ: dict[str, str],
        output: tuple[Path, Path],
        on_exit: Callable[[str], None],
    ) -> socket.socket:
        """Fork a worker that sees what this process sees; the session's end of its link.

        environ: what differs for it. output: the files of its stdout and stderr. `on_exit(how)` is called when it has
        ended. Raises OSError when there is no descriptor for the link.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._start(worker, generation, environ, output, on_exit, [], theirs)
        return ours

    def start_program(
        self,
        process: str,
        generation: int,
        argv: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        on_exit: Callable[[str], None],
        stdin: bytes = b"",
    ) -> str:
        """Start a program as the guard's child, its output in the file `log`; the mark that its processes bear.

        environ: what differs for it. stdin: what it can read, a few KiB at most. `on_exit(how)` is called when it has
        ended, with the last words of its log.
        """
        changes = dict(environ)
        # Not PYTHONPATH: a module of the user's that is called like one of the program's must not stand in its way.
        changes[PATH] = os.pathsep.join(self.path)
        if _OURS.name not in ("site-packages", "dist-packages"):
            rest = changes.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
            changes["PYTHONPATH"] = os.pathsep.join(filter(None, [rest, str(_OURS)]))

        def ended(how: str) -> None:
            on_exit(": ".join(filter(None, [how, _last_words(log)])))

        self._start(process, generation, changes, (log, log), ended, argv, _readable(stdin) if stdin else None)
        return self.mark(process, generation)

    def mark(self, worker: str, generation: int) -> str:
        """The mark that a worker's or program's processes bear."""
        return f"{self.token}/{worker}/{generation}"

    def sweep(self, mark: str) -> None:
        """End every process of this host that bears exactly this mark, whoever has started it."""
        if self._control.fileno() >= 0:
            self._send(wire.encode(wire.Sweep(mark)), None)

    def remove_at_end(self, directory: Path) -> None:
        """Have this directory removed when the guard ends, however this process ends."""
        self._send(wire.encode(wire.Remove(str(directory))), None)

    def _start(
        self,
        worker: str,
        generation: int,
        environ: Mapping[str, str],
        output: tuple[Path, Path],
        on_exit: Callable[[str], None],
        argv: Sequence[str],
        link: socket.socket | FileIO | None,
    ) -> None:
        wanted = _environ() | dict(environ)
        known = self._environ
        # Only the differences: all of it, with every worker, may be more than a message can hold.
        changes: dict[str, str | None] = {name: value for name, value in wanted.items() if known.get(name) != value}
        changes |= dict.fromkeys(known.keys() - wanted.keys())
        message = wire.Start(
            worker=worker,
            generation=generation,
            mark=self.mark(worker, generation),
            environ=[
                (os.fsencode(name), None if value is None else os.fsencode(value)) for name, value in changes.items()
            ],
            directory=os.fsencode(_working_directory()),
            path=[os.fsencode(entry) for entry in [*self.path, *search_path()]],
            stdout=os.fsencode(output[0]),
            stderr=os.fsencode(output[1]),
            argv=[os.fsencode(word) for word in argv],
        )
        self._watchers[worker, generation] = on_exit
        self._send(wire.encode(message), link)

    def kill(self, worker: str, generation: int) -> None:
        """End a worker with all that it started."""
        if self._control.fileno() >= 0:
            self._send(wire.encode(wire.Kill(worker, generation)), None)

    def close(self, timeout: float = 5.0) -> None:
        """End the guard and, by it, every worker; wait until it is gone, `timeout` seconds at most."""
        if self._control.fileno() >= 0:
            self._loop.unwatch(self._control.fileno())
            with contextlib.suppress(OSError):
                # A child that the program has forked may hold a copy of the socket: closing ours would not end it.
                self._control.shutdown(socket.SHUT_RDWR)
            self._let_go()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its workers die with it
            self._process.wait()

    def _send(self, data: bytes, link: socket.socket | FileIO | None) -> None:
        self._backlog.append((data, link))
        if not self._stalled:
            self._drain()

    def _drain(self) -> None:
        """Send what waits. The guard may be busy forking while its queue is full: then the rest follows later."""
        while self._backlog:
            data, link = self._backlog[0]
            try:
                if link is None:
                    self._control.send(data)
                else:
                    socket.send_fds(self._control, [data], [link.fileno()])
            except BlockingIOError:
                self._loop.watch(self._control.fileno(), self._ready, write=True)
                self._stalled = True
                return
            except OSError:
                return  # the guard has died: reading tells
            self._backlog.popleft()
            if link is not None:
                link.close()
        if self._stalled:
            self._loop.watch(self._control.fileno(), self._ready)
            self._stalled = False

    def _ready(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except BlockingIOError:
            self._drain()
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        exited = wire.decode_from_guard(data)
        watcher = self._watchers.pop((exited.worker, exited.generation), None)
        if watcher is not None:
            watcher(exited.how)
        if self._backlog:
            self._drain()

    def _lose(self) -> None:
        self.lost = True
        self._loop.unwatch(self._control.fileno())
        self._let_go()
        # The kernel has ended the workers; what their tasks had started is now nobody's.
        kill_marked(self.token)
        for callback in list(self._on_loss):
            callback(f"the guard process {self._process.pid} died, and its workers with it")

    def _let_go(self) -> None:
        self._control.close()
        for _, link in self._backlog:
            if link is not None:
                link.close()
        self._backlog.clear()
        self._watchers.clear()


def _environ() -> dict[str, str]:
    # Name by name: another thread may be changing it.
    return {name: value for name in list(os.environ) if (value := os.environ.get(name)) is not None}


def search_path() -> list[str]:
    """Where this process looks for modules; the working directory by its name."""
    here = _working_directory()
    return [entry or here for entry in sys.path if isinstance(entry, str)]


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return os.sep


def _last_words(log: Path) -> str:
    """The last lines of a log, on one."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _WORDS))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-_LINES:] if line.strip())


def _readable(data: bytes) -> FileIO:
    """The reading end of a pipe that holds `data`."""
    reader, writer = os.pipe()
    with open(writer, "wb", buffering=0) as file:
        file.write(data)
    return FileIO(reader, "rb")
