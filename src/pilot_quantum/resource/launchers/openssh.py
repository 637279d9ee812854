"""Another host through the user's own ssh: one authenticated connection, shared by all that is done there.

It is their ssh, so their configuration, jump hosts, agent and one-time codes work as they do in their terminal.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pilot_quantum.resource.launchers.quoting import command_line, script
from pilot_quantum.resource.launchers.shell import Finished
from pilot_quantum.resource.launchers.ssh_errors import SSHError, SSHFault, explained, last_lines

COMMAND = "PILOT_QUANTUM_SSH"
"""The environment variable with the command to be used as ssh, such as "ssh -F FILE"."""
CONNECT = 15
"""Seconds within which a host must answer."""
PROMPT = 180.0
"""Seconds that the user has for passwords and one-time codes."""
IDLE = 600
"""Seconds after which a connection that nobody uses ends by itself: that of a session that was killed."""
ALIVE = (5, 6)
"""Seconds between signs of life, and how many may fail: 30 s, so that a network that is away for 20 s cuts nothing."""
_SOCKET_PATH = 80
"""Bytes that a socket's path may have: 104 on some systems, of which ssh uses 17 while it makes one."""
_SSH_FAILED = 255
_BEGINS = "pilot-quantum: the command begins"
"""A line on stdout and stderr before what a command says: what the login shell's start-up files print comes earlier."""
_MARKED = f'echo {_BEGINS}; echo {_BEGINS} >&2; exec "$0" "$@"'
_NOT_FOUND = 127

_WRITE = """
set -e
umask 077
mkdir -p -- "$(dirname -- "$1")"
new=$(mktemp -- "$1.XXXXXXXX")
trap 'rm -f -- "$new"' EXIT
cat > "$new"
chmod "$2" "$new"
mv -f -- "$new" "$1"
"""


@dataclass(frozen=True, slots=True)
class Stream:
    """A program on the host whose stdin and stdout are the other end of `link`."""

    link: socket.socket
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def words(self) -> str:
        """What ssh or the program has said on stderr so far."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def end(self) -> None:
        """End the local ssh process: `link` and the program see each other's end. `link` stays its owner's."""
        self.process.kill()
        self.process.wait()
        self.errors.close()


class OpenSSH:
    """One host. Implements `Shell`; every method may be called from any thread, and blocks.

    host: "[user@]name[:port]", as in a URL; the name may be one of the user's ssh configuration. command: how to call
    ssh, by default what the environment variable PILOT_QUANTUM_SSH says, else `ssh`.
    """

    def __init__(self, host: str, command: str | None = None) -> None:
        self._host = host
        self._command = shlex.split(command or os.environ.get(COMMAND, "") or "ssh")
        name, _, port = host.partition(":")
        self._destination = (["-p", port] if port else []) + ["--", name]
        self._opening = threading.Lock()
        self._directory: Path | None = None
        """Private, of the socket of our own connection; None while there is none."""
        self._borrowed = False
        """Whether the user has a connection open already, which we use and leave alone."""
        self._opener: subprocess.Popen[bytes] | None = None
        """The process that is making a connection, perhaps waiting for somebody to type a password."""
        self._closed = False

    @property
    def place(self) -> str:
        """The host, as the user wrote it."""
        return self._host

    def open(self) -> None:
        """Connect, unless that is done. Raises SSHError saying why not, in ssh's words, and what to do."""
        with self._opening:
            if self._closed:
                raise SSHError(SSHFault.CUT, f"the connection to {self._host} has been closed by us")
            if self._alive():
                return
            self._borrowed = self._directory is None and self._of_the_user()
            if not self._borrowed:
                self._connect()

    def run(self, argv: Sequence[str], input: bytes = b"", timeout: float = 60.0) -> Finished:
        """Run a program there, with these bytes on its stdin. Raises SSHError when ssh fails or time is over."""
        self.open()
        line = command_line(["sh", "-c", _MARKED, *argv])
        process = self._popen(line, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise SSHError(
                SSHFault.TIMED_OUT,
                f"{self._host}: {shlex.join(argv)[:200]} did not end within {timeout:g} s; whether it had an effect "
                "is not known.",
            ) from None
        done = Finished(process.returncode, _own_words(out), _own_words(err))
        if done.status == _SSH_FAILED and not self._alive_now():
            raise SSHError(
                SSHFault.CUT,
                f"the ssh connection to {self._host} was cut while {shlex.join(argv)[:200]} ran; ssh says: "
                f"{last_lines(done.stderr)}",
            )
        return done

    def write(self, path: str, content: bytes, mode: int = 0o600, timeout: float = 60.0) -> None:
        """Write a file there, whole or not at all. Raises SSHError with the system's words when that fails."""
        if not posixpath.basename(path):
            raise SSHError(SSHFault.OTHER, f"{path!r} names no file.")
        done = self.run(script(_WRITE, path, f"{mode:o}"), content, timeout)
        if not done.ok:
            raise SSHError(SSHFault.OTHER, f"{self._host}: {path} cannot be written: {last_lines(done.words)}")

    def pipe(self, argv: Sequence[str]) -> Stream:
        """Start a program there and talk to it over a socket. Raises SSHError when the host cannot be reached."""
        self.open()
        line = command_line(argv)
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - the Stream closes it
        try:
            with theirs:
                process = self._popen(line, theirs.fileno(), theirs.fileno(), errors)
        except BaseException:
            ours.close()
            errors.close()
            raise
        return Stream(ours, process, errors)

    def close(self) -> None:
        """End the connection, if it is ours, and what still runs over it."""
        self._closed = True
        opener = self._opener
        if opener is not None:
            opener.kill()
        with self._opening:
            if self._directory is not None:
                self._exit()
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None

    def _connect(self) -> None:
        """Open our own connection, which then stays in the background."""
        if self._directory is None:
            self._directory = _private_directory()
        else:
            self._exit()  # a connection that is dead may still have its process,
            (self._directory / "s").unlink(missing_ok=True)  # and one that was killed its socket
        prompts = _may_ask()
        options = [f"BatchMode={'no' if prompts else 'yes'}", "ControlMaster=yes", f"ControlPersist={IDLE}"]
        argv = [*self._command, "-f", "-N", *self._options(*options), *self._destination]
        seconds = PROMPT if prompts else 2.0 * CONNECT
        # The file, and no pipe: the process that stays in the background may keep it open.
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=not prompts,  # to ask, it needs our terminal
                )
            except OSError as error:
                self._give_up()
                raise SSHError(
                    SSHFault.NO_PROGRAM,
                    f"{self._command[0]!r} cannot be run ({error.strerror}). Install OpenSSH's client, or say in the "
                    f"environment variable {COMMAND} how to call it.",
                ) from None
            self._opener = process
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                status = _SSH_FAILED
                errors.seek(0, os.SEEK_END)
                errors.write(f"\n(no answer within {seconds:g} s: timed out)".encode())
            finally:
                self._opener = None
            errors.seek(0)
            words = errors.read().decode(errors="replace")
        if status:
            self._give_up()
            raise explained(self._host, shlex.join(self._command), words)

    def _give_up(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _exit(self) -> None:
        argv = [*self._command, "-O", "exit", *self._options(), *self._destination]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False, start_new_session=True
            )

    def _alive(self) -> bool:
        """Whether a connection is there, as far as this host knows."""
        if self._borrowed:
            return self._of_the_user()
        if self._directory is None:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self._directory / "s"))
            except OSError:
                return False
        return True

    def _alive_now(self) -> bool:
        with self._opening:
            return self._alive()

    def _of_the_user(self) -> bool:
        """Whether the user has opened a shared connection (ControlMaster in their configuration)."""
        argv = [*self._command, "-O", "check", "-o", "BatchMode=yes", *self._destination]
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False, start_new_session=True
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def _options(self, *more: str) -> list[str]:
        interval, count = ALIVE
        options = [f"ConnectTimeout={CONNECT}", f"ServerAliveInterval={interval}", f"ServerAliveCountMax={count}"]
        options += ["ForwardX11=no", "ForwardAgent=no", "ClearAllForwardings=yes", *more]
        if self._directory is not None:
            options.append(f"ControlPath={self._directory / 's'}")
        return [word for option in options for word in ("-o", option)]

    def _popen(self, line: str, stdin: int, stdout: int, stderr: int | IO[bytes]) -> subprocess.Popen[bytes]:
        options = self._options("BatchMode=yes", "ControlMaster=no", "RequestTTY=no", "RemoteCommand=none")
        argv = [*self._command, "-T", *options, *self._destination, line]
        # In a session of its own: Ctrl-C in the terminal is for our program, which then ends what it started.
        return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)


def _own_words(said: bytes) -> str:
    """What the command itself said; all of it where it did not get to begin."""
    text = said.decode(errors="replace")
    return text.partition(f"{_BEGINS}\n")[2] if f"{_BEGINS}\n" in text else text


def _private_directory() -> Path:
    """A directory (0700) whose path is short enough for a socket in it."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - 0700 within
        if parent and len(os.fsencode(parent)) + len("/pq-12345678/s") <= _SOCKET_PATH and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="pq-", dir=parent))
    raise SSHError(
        SSHFault.OTHER,
        f"no directory is short and writable enough for ssh's socket (at most {_SOCKET_PATH} bytes): neither "
        "XDG_RUNTIME_DIR nor TMPDIR nor /tmp.",
    )


def _may_ask() -> bool:
    """Whether somebody can answer: we are in the foreground of a terminal, or the user has an askpass program."""
    if os.environ.get("SSH_ASKPASS") and (os.environ.get("DISPLAY") or os.environ.get("SSH_ASKPASS_REQUIRE")):
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill an ssh process, with its jump hosts' where it leads a group of its own, and reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    # Not to their end: the process of the shared connection may hold the other ends for as long as the program runs.
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
