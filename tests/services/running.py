"""What can be done with virtual hosts that run, by the process that opened them or by another that finds them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.services.network import LIVES_NO_LONGER_THAN_ITS_PARENT, Network
from tests.services.processes import Process, every_process

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Host:
    """init: its first process, as the root namespace numbers it; 0 for a host that was killed."""

    name: str
    address: str
    init: int


class RunningHosts:
    """Hosts `h1`, `h2`, … that reach each other and the root namespace (at `root_address`) by TCP.

    directory: of the `Hosts` that started them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        state = json.loads((self.directory / "hosts.json").read_text())
        self.network = Network(**state["network"])
        self._hosts = {host["name"]: Host(**host) for host in state["hosts"]}

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts' names, those included that were killed."""
        return tuple(self._hosts)

    @property
    def root_address(self) -> str:
        """Where hosts reach the root namespace, that is, the process that runs the tests."""
        return self.network.root_address

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`: knows the hosts by name and by address, with key and host keys."""
        return self.directory / "ssh" / "config"

    def address(self, name: str) -> str:
        """IP address of a host."""
        return self._hosts[name].address

    def enter(self, name: str) -> list[str]:
        """What to put before a command, so that it runs on the host; killing this kills the command."""
        if not (init := self._hosts[name].init):
            raise ValueError(f"host {name} was killed: start_host({name!r}) first")
        return ["nsenter", "-t", str(init), "-a", "--", *LIVES_NO_LONGER_THAN_ITS_PARENT, "--"]

    def run(
        self, name: str, argv: Sequence[str], *, timeout: float = 60, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on the host as root, without ssh, in `/`, with a bare environment and `environ`."""
        return subprocess.run(
            [*self.enter(name), *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd="/",
            env={"PATH": PATH, "HOME": str(Path.home()), "LANG": "C.UTF-8", **(environ or {})},
        )

    def must(self, name: str, *argv: str, timeout: float = 60, environ: Mapping[str, str] | None = None) -> str:
        """As `run`, but gives standard output alone, and raises where the command fails."""
        done = self.run(name, argv, timeout=timeout, environ=environ)
        if done.returncode:
            raise RuntimeError(f"{name}: '{shlex.join(argv)}' gave {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def ssh(self, name: str, command: str, *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a shell command on the host through ssh, as a user would."""
        return subprocess.run(
            ["ssh", "-F", str(self.ssh_config), "-o", "BatchMode=yes", name, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def processes(self, name: str) -> list[Process]:
        """What lives on the host."""
        if not (init := self._hosts[name].init):
            return []
        namespace = os.readlink(f"/proc/{init}/ns/pid")
        return [process for process in every_process() if process.namespace == namespace]

    def link_down(self, name: str) -> None:
        """Pulls the host's network cable: packets vanish both ways, no connection is told.

        The name "root" stands for the session's side: it loses all hosts, which do not lose each other.
        """
        self.network.set_link(name, "down")

    def link_up(self, name: str) -> None:
        """Plugs the cable in again."""
        self.network.set_link(name, "up")

    @contextmanager
    def cover(self, name: str, path: Path, size: str = "100%") -> Iterator[None]:
        """The host sees an empty disk of that size (as "64k") at `path` instead of what is shared there."""
        path.mkdir(parents=True, exist_ok=True)
        self.must(name, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
        try:
            yield
        finally:
            self.must(name, "umount", "-l", str(path))

    def kill_host(self, name: str) -> None:
        """As if the power were cut: its processes are gone, and nobody gets a last packet from it."""
        host = self._hosts[name]
        self.network.set_link(name, "down")
        os.kill(host.init, signal.SIGKILL)
        self._hosts[name] = Host(name, host.address, 0)
        self._save()

    def _save(self) -> None:
        state = {"network": asdict(self.network), "hosts": [asdict(host) for host in self._hosts.values()]}
        path = self.directory / "hosts.json"
        path.with_suffix(".new").write_text(json.dumps(state, indent=1))
        path.with_suffix(".new").replace(path)
