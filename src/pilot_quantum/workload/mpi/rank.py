"""One rank: runs the user's program as its child and says what came of it, in frames on its own stdout.

Run by the MPI launcher on every node as `python rank.py -- program ...`; imports nothing but the standard library, so
that it works wherever the interpreter does.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import zlib
from typing import IO

_MARK, _LONGEST = "\x1e", 720
_RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
VALUE = "PILOT_QUANTUM_MPI_VALUE"
"""Environment variable: the descriptor to which a function's rank 0 writes its pickled value."""
SCRIPT = "PILOT_QUANTUM_MPI_SCRIPT"
"""Environment variable: the content of the script, compressed and in base64, for hosts that do not have it."""
_PR_SET_PDEATHSIG = 1
_saying = threading.Lock()


def number() -> int:
    """The rank that this process is, as its launcher says."""
    for name in _RANKS:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    raise SystemExit(f"no MPI launcher has started this rank: none of {', '.join(_RANKS)} is set")


def main(argv: list[str]) -> int:
    """Run `argv` as the program of this rank; its exit code."""
    text = os.environ.pop(SCRIPT, "")
    if not text:
        return run(argv)
    with tempfile.TemporaryDirectory(prefix="pilot-quantum-mpi-") as folder:
        script = _script(argv[1], zlib.decompress(base64.b64decode(text)), folder)
        return run([argv[0], script, *argv[2:]])


def _script(path: str, text: bytes, folder: str) -> str:
    """Where the script is: at its own place if that has this content, else in the folder."""
    try:
        with open(path, "rb") as file:
            if file.read() == text:
                return path
    except OSError:
        pass  # no disk is shared: what has travelled counts
    there = os.path.join(folder, os.path.basename(path))
    with open(there, "wb") as file:
        file.write(text)
    return there


def run(argv: list[str]) -> int:
    """Run a program, and tell what comes of it; its exit code."""
    rank = number()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is for the program; we stay to say how that has ended
    value, told = os.pipe()
    os.set_inheritable(told, True)
    # Not close_fds: the launcher's own descriptor (PMI_FD) is to reach the program.
    program = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        close_fds=False,
        env={**os.environ, VALUE: str(told)},
        preexec_fn=_become_program,
    )
    os.close(told)
    streams = ((program.stdout, "o"), (program.stderr, "e"), (os.fdopen(value, "rb", buffering=0), "v"))
    readers = [threading.Thread(target=_pass_on, args=(rank, kind, stream)) for stream, kind in streams]
    for reader in readers:
        reader.start()
    code = program.wait()
    for reader in readers:
        reader.join()
    code = 128 - code if code < 0 else code  # as shells say that a signal ended it
    _say(rank, "x", str(code).encode())
    return code


def _pass_on(rank: int, kind: str, stream: IO[bytes] | None) -> None:
    while stream is not None and (data := os.read(stream.fileno(), _LONGEST)):
        _say(rank, kind, data)


def _say(rank: int, kind: str, data: bytes) -> None:
    line = f"{_MARK}{rank} {kind} {base64.b64encode(data).decode()}\n".encode()
    with _saying:
        while line:
            line = line[os.write(1, line) :]


def _become_program() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :]))
