"""A worker in a batch job outlives SIGTERM; what it starts does not."""

from __future__ import annotations

import subprocess
import sys

OUTLIVES = """
import os, signal, subprocess, sys, time
from pilot_quantum.resource.agent import termination
termination.outlive()
os.kill(os.getpid(), signal.SIGTERM)
program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
program.terminate()
fork = os.fork()
if not fork:
    time.sleep(60)
    os._exit(0)
os.kill(fork, signal.SIGTERM)
print(-program.wait(), os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]))
"""


def test_sigterm_passes_in_a_worker_but_ends_its_programs_and_forks() -> None:
    done = subprocess.run([sys.executable, "-c", OUTLIVES], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["15", "-15"]), done.stderr
