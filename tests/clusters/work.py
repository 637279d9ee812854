"""What the tasks of these tests do: they leave a line wherever they begin, so that each beginning can be counted."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from pathlib import Path


def step(log: str, number: int, seconds: float) -> tuple[int, str]:
    """Note that task `number` has begun, and where; then take some time. Its square, and the host."""
    host = socket.gethostname()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(handle, f"{number} {host}\n".encode())
    os.close(handle)
    time.sleep(seconds)
    return number * number, host


def begun(log: Path) -> Counter[int]:
    """How often each task has begun."""
    return Counter(int(line.split()[0]) for line in log.read_text().splitlines()) if log.exists() else Counter()
