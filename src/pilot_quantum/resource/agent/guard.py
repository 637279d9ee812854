"""The guard: one small process per host that forks the workers and ends all they started when the session dies.

It stays single-threaded and light, so that a fork costs milliseconds. On Linux it is the subreaper of its
descendants: a process that a task detached comes back to the guard when its parent ends. By its mark it is ended with
its worker; one that has lost its mark, at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import selectors
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass

import psutil

from pilot_quantum.resource.agent import termination, threads, wire, worker
from pilot_quantum.resource.agent.marks import MARK, kill_tree, mark_of, sweep
from pilot_quantum.resource.agent.output import open_output

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_MESSAGE = 1 << 20
_GRACE = 3.0
"""Seconds for which the guard looks for processes to end before it gives up."""


@dataclass(frozen=True, slots=True)
class _Child:
    worker: str
    generation: int
    mark: str


class Guard:
    """Serves `control`, a SOCK_SEQPACKET socket to the process `session`, until either is gone.

    The socket alone would not tell: a child that the program has forked holds a copy of it. `token` begins the marks of
    all workers. `patient`: SIGTERM is for the session to heed (a batch system sends it to all processes of a job).
    """

    def __init__(self, control: socket.socket, session: int, token: str, patient: bool = False) -> None:
        self._control = control
        self._patient = patient
        self._session = session
        self._token = f"{token}/"
        self._children: dict[int, _Child] = {}
        self._directories: list[str] = []
        """What is to be removed at the end."""

    def serve(self) -> None:
        """Fork and end workers as told; at the end of the session, end everything."""
        wake, notify = socket.socketpair()
        wake.setblocking(False)
        notify.setblocking(False)
        signal.set_wakeup_fd(notify.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        stop = []
        signal.signal(signal.SIGTERM, signal.SIG_IGN if self._patient else lambda *_: stop.append(True))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            watch = _process_handle(self._session)
            if watch is not None:
                selector.register(watch, selectors.EVENT_READ)
            while not stop:
                for key, _ in selector.select():
                    if key.fileobj is watch:
                        stop.append(True)
                    elif key.fileobj is wake:
                        with contextlib.suppress(BlockingIOError):
                            wake.recv(4096)
                        self._reap()
                    elif not self._obey():
                        stop.append(True)
        self.end()
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)

    def _obey(self) -> bool:
        """Carry out one message; False when the session has closed the socket."""
        try:
            data, fds, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
        except OSError:
            return False
        if not data:
            return False
        message = wire.decode_for_guard(data)
        if isinstance(message, wire.Start):
            self._start(message, fds)
        elif isinstance(message, wire.Sweep):
            sweep(message.mark)
        elif isinstance(message, wire.Remove):
            self._directories.append(message.directory)
        else:
            for pid, child in self._children.items():
                if (child.worker, child.generation) == (message.worker, message.generation):
                    _kill(pid)
        return True

    def _start(self, start: wire.Start, fds: list[int]) -> None:
        try:
            if not fds and not start.argv:
                raise OSError("no descriptor is left for its link")
            self._fork(start, fds[0] if fds else None)
        except OSError as error:
            self._tell(start.worker, start.generation, f"could not be forked: {error}")
        finally:
            for fd in fds:
                os.close(fd)

    def _fork(self, start: wire.Start, fd: int | None) -> None:
        guard = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = _Child(start.worker, start.generation, start.mark)
            return
        status = 1
        try:
            if start.argv:
                _become_program(start, fd, guard)
            elif fd is not None:
                status = _be_worker(start, fd, guard, self._patient)
        except BaseException:  # noqa: BLE001 - a forked child must never return into the guard's loop
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while (ended := _ended_child()) is not None:
            pid = ended.si_pid
            child = self._children.pop(pid, None)
            if child is not None:
                # What the task left in the worker's process group; before the wait, while the id is surely ours.
                _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            if child is not None:
                self._tell(child.worker, child.generation, _how(status))
        self._end_detached()

    def _end_detached(self) -> None:
        """End what workers that are gone had started and what has left their process groups: it is our child now."""
        alive = {child.mark for child in self._children.values()}
        for process in _children():
            if process.pid in self._children:
                continue
            mark = mark_of(process)
            # An engine's process may mark what it starts with more than its own mark, after a slash.
            theirs = any(mark == one or mark.startswith(f"{one}/") for one in alive)
            if mark.startswith(self._token) and not theirs:
                kill_tree(process)

    def _tell(self, worker: str, generation: int, how: str) -> None:
        with contextlib.suppress(OSError):
            self._control.send(wire.encode(wire.Exited(worker, generation, how)))

    def end(self) -> None:
        """Kill every worker and all descendants, and wait until they are gone."""
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline:
            for process in _children():
                _kill(process.pid)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)  # between two rounds: orphans arrive here only when their parents have ended


def _be_worker(start: wire.Start, fd: int, guard: int, patient: bool) -> int:
    """Be a worker on the link `fd` until it closes; the exit status."""
    link = socket.socket(fileno=fd)
    os.set_inheritable(fd, False)
    try:
        _become_child(start, fd, guard)
    except OSError as error:
        link.sendall(wire.frame(wire.Stillborn(str(error))))
        return 1
    sys.stdout = open_output(1, os.fsdecode(start.stdout))
    sys.stderr = open_output(2, os.fsdecode(start.stderr))
    sys.path[:] = [os.fsdecode(entry) for entry in start.path]
    sys.argv[:] = ["pilot-quantum-worker"]
    if patient:
        termination.outlive()
    random.seed()  # a fork inherits the guard's state: without this all workers draw the same numbers
    threads.adopt(int(os.environ.get(threads.CORES, "1")), os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    worker.Worker(link).run()
    return 0


def _become_program(start: wire.Start, stdin: int | None, guard: int) -> None:
    """Turn this process into the program `start.argv`; ends it with status 127 when that cannot be run."""
    if stdin is not None:
        os.dup2(stdin, 0)
    _become_child(start, None, guard, stdin=stdin is not None)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # ignored by Python, which is not what a program expects
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(start.argv[0], start.argv)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{os.fsdecode(start.argv[0])} cannot be run: {error.strerror}\n".encode())
        os._exit(127)


def _become_child(start: wire.Start, keep: int | None, guard: int, *, stdin: bool = False) -> None:
    """Give this process, a fresh fork of `guard`, its own session, output, environment and directory.

    stdin: it has one already. Raises OSError when its output cannot be opened.
    """
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:  # it died before we asked to die with it
        os._exit(1)
    for stream, path in ((1, start.stdout), (2, start.stderr)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.lseek(target, 0, os.SEEK_END)
        os.dup2(target, stream)
        os.close(target)
    if not stdin:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
    # The guard's own descriptors (its control socket above all) must not live on in workers and their children.
    for fd in _open_descriptors():
        if fd > 2 and fd != keep:
            with contextlib.suppress(OSError):
                os.close(fd)
    os.environ[MARK] = start.mark
    for name, value in start.environ:
        if value is None:
            os.environb.pop(name, None)
        else:
            os.environb[name] = value
    with contextlib.suppress(OSError):
        os.chdir(start.directory)


def _process_handle(pid: int) -> int | None:
    """A descriptor that becomes readable when process `pid`, our parent, ends; None where the system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    if os.getppid() != pid:  # it ended before we looked: the descriptor may be somebody else's
        os._exit(0)
    return handle


def _open_descriptors() -> list[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(name) for name in os.listdir(folder)]
    return list(range(3, 256))


def _kill(pid: int) -> None:
    """SIGKILL this child of ours, its process group and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        descendants = process.children(recursive=True)  # before they lose their parent
        _kill_group(pid)
        for one in (process, *descendants):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def _kill_group(pid: int) -> None:
    """SIGKILL the process group that worker `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ended_child() -> os.waitid_result | None:
    """A child that has ended, without reaping it: until then its id is surely its own."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None


def _children() -> list[psutil.Process]:
    return list(psutil.Process().children())


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"killed by {signal.Signals(number).name if number in set(signal.Signals) else f'signal {number}'}"
    return f"exited with code {os.WEXITSTATUS(status)}"


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def main(fd: int, session: int, token: str, patient: bool = False) -> None:
    """Serve the control socket `fd` for process `session`; the entry point of the guard's process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guard = Guard(socket.socket(fileno=fd), session, token, patient)
    guard.serve()
