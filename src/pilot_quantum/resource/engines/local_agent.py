"""An agent that is a child of this process, on a socket pair: for engines that live in an agent, on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec

from pilot_quantum.resource.agent.client import starting
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.events import Loop

_BOOT = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry] + {path!r}; "
    "from pilot_quantum.resource.agent.__main__ import main; sys.exit(main(['-']))"
)
_WORDS = 2000


class LocalAgent:
    """Starts an agent with `config`, whose link it makes, and gives it to `engine`. `log`: where it prints."""

    def __init__(self, config: AgentConfig, engine: AgentEngine, loop: Loop, log: Path) -> None:
        self._config = config
        self._engine = engine
        self._loop = loop
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = -1

    def start(self) -> None:
        """Start it; without a process, a descriptor or a disk for it the engine ends with the system's words."""
        try:
            self._start()
        except OSError as error:
            self._engine.gone(f"its agent cannot be started: {error}", failed=True)

    def close(self, timeout: float) -> None:
        """Wait until it is gone, and kill it after `timeout` seconds: its guard ends all that it has started."""
        if self._process is None:
            return
        self._unwatch()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            config = msgspec.structs.replace(self._config, link=theirs.fileno())
            path = [entry for entry in config.path if entry] + [str(Path(__file__).resolve().parents[3])]
            try:
                with open(self._log, "ab", opener=_private) as log, starting:
                    self._process = subprocess.Popen(
                        [sys.executable, "-c", _BOOT.format(path=path)],
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.PIPE,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,  # Ctrl-C in the terminal is for the session
                    )
                assert self._process.stdin is not None
                with self._process.stdin as stdin:
                    stdin.write(config.to_json() + b"\n")
            except OSError:
                ours.close()
                raise
        if hasattr(os, "pidfd_open"):
            self._watch = os.pidfd_open(self._process.pid)
            self._loop.watch(self._watch, self._gone)
        self._engine.adopt(ours)

    def _gone(self) -> None:
        assert self._process is not None
        self._unwatch()
        status = self._process.wait()
        how = f"killed by signal {-status}" if status < 0 else f"exited with code {status}"
        # A little later: its last message may still be on its way to us.
        self._loop.call_later(0.2, lambda: self._engine.gone(f"its agent {how}{self._words()}", failed=True))

    def _unwatch(self) -> None:
        if self._watch >= 0:
            self._loop.unwatch(self._watch)
            os.close(self._watch)
            self._watch = -1

    def _words(self) -> str:
        try:
            lines = self._log.read_bytes()[-_WORDS:].decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return f": {lines[-1]}" if lines else ""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
