"""An agent that is reached through a unix socket, and outlives the login that started it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

_LONGEST = 100
"""Bytes that a unix socket's path may have, nearly."""


class Detached:
    """A private directory with a socket and a log in it. Raises OSError when it cannot be made."""

    def __init__(self, base: str | None) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="pilot-quantum-", dir=base))
        if len(os.fsencode(self._directory)) > _LONGEST:
            self._directory.rmdir()
            self._directory = Path(tempfile.mkdtemp(prefix="pilot-quantum-", dir="/tmp"))  # private, and short
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = self._directory / "agent"
        self.server.bind(str(self._path))
        self.server.listen(8)

    def leave(self) -> None:
        """Go on as a process of its own, and print where it is to be found; the process that was started ends."""
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            print(json.dumps({"socket": str(self._path), "pid": pid}), flush=True)
            os._exit(0)
        os.setsid()
        log = os.open(self._directory / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for place, fd in enumerate((null, log, log)):
            os.dup2(fd, place)
        os.close(log)
        os.close(null)

    def remove(self) -> None:
        """Remove the directory."""
        self.server.close()
        shutil.rmtree(self._directory, ignore_errors=True)
