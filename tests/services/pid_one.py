"""The first process of a virtual host: sets the host up within its namespaces, starts sshd, reaps orphans.

Run by `hosts.py` under `unshare`, with the standard library alone. It says "here" once the namespaces exist, waits
for a line (by then its network card is there), says "ready", and lives until it is killed; the kernel then ends
every process of the host.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    print("here", flush=True)
    if not sys.stdin.readline():
        sys.exit("the process that started this host is gone")
    socket.sethostname(settings["name"])
    _call("ip", "-batch", "-", text=f"link set lo up\naddr add {settings['interface']} dev eth0\nlink set eth0 up\n")
    _mount_local_disks(settings["keep"])
    for source, target in settings["bind"]:
        _call("mount", "--bind", source, target)
    _call("/usr/sbin/sshd", "-f", settings["sshd"], "-E", settings["log"])
    print("ready", flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})


def _mount_local_disks(keep: list[str]) -> None:
    """Own /run, /dev/shm and /tmp, as real hosts have; of the old /tmp only the directories `keep` stay visible."""
    _call("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
    _call("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/sshd").mkdir()
    Path("/run/lock").mkdir()
    aside = Path("/run/keep")
    for number, directory in enumerate(keep):
        (aside / str(number)).mkdir(parents=True)
        _call("mount", "--rbind", directory, str(aside / str(number)))
    _call("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp")
    for number, directory in enumerate(keep):
        Path(directory).mkdir(parents=True, exist_ok=True)
        _call("mount", "--rbind", str(aside / str(number)), directory)
        _call("umount", "-l", str(aside / str(number)))


def _call(*command: str, text: str = "") -> None:
    subprocess.run(command, input=text, text=True, check=True)


if __name__ == "__main__":
    main()
