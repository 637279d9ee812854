"""Virtual hosts on one machine, each with its own address, hostname, processes, /tmp, /run, /dev/shm and sshd.

A host is a set of namespaces held by one process (`pid_one.py`); there is no other trace of it in the system, so a
host ends with that process, and that with the process that opened the hosts, however it ends.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil
from tests.services.keys import write_keys, write_sshd
from tests.services.network import LIVES_NO_LONGER_THAN_ITS_PARENT, open_network
from tests.services.running import PATH, Host, RunningHosts

PROJECT = Path(__file__).resolve().parents[2]
START_DEADLINE = 60.0  # seconds; four hosts take 0.5 s on an idle machine
PREFIX = "pilot-quantum-services-"


class Hosts(RunningHosts):
    """Starts hosts, and ends them with `close`. To be opened in the main thread: they end with their opener's thread.

    count: how many. directory: holds all files of theirs; by default a new one, which `close` removes.
    shared: directories below /tmp that the hosts see too, beside `directory` and the project; all else below /tmp
    is each host's own. Everything outside /tmp, /run and /dev/shm is shared, as on a cluster with one file system;
    `cover` hides a part of it from one host.
    """

    def __init__(self, count: int = 4, *, directory: Path | None = None, shared: Sequence[Path] = ()) -> None:
        _remove_stale()
        self._owns_directory = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX)) if directory is None else directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)  # munge refuses a directory that others cannot pass
        (self.directory / "owner").write_text(f"{os.getpid()} {psutil.Process().create_time()}")
        self._shared = tuple(shared)
        self._inits: dict[str, subprocess.Popen[str]] = {}
        self._closed = False
        self.on_revival: list[Callable[[str], None]] = []
        """Called with the name of a host that was killed and is there again: what services need to do there."""
        self.network, self._switch = open_network()
        names = {f"h{number}": self.network.address(number) for number in range(1, count + 1)}
        self._hosts = {name: Host(name, address, 0) for name, address in names.items()}
        try:
            self._write_files()
            self._start(self.names)
        except BaseException:
            self.close()
            raise

    def start_host(self, name: str) -> None:
        """Brings a host back that was killed: sshd runs, and what was added to `on_revival`."""
        self._inits[name].wait()
        self._start((name,))
        for revive in self.on_revival:
            revive(name)

    def restore(self) -> None:
        """Plugs in all cables and starts hosts that were killed."""
        self.link_up("root")
        killed = [name for name in self.names if not self._hosts[name].init]
        for name in self.names:
            self.start_host(name) if name in killed else self.link_up(name)

    def close(self) -> None:
        """Ends every process on every host and removes the network and the directory. May be called again."""
        if self._closed:
            return
        self._closed = True
        for name, unshare in self._inits.items():
            if init := self._hosts[name].init:
                with suppress(ProcessLookupError):
                    os.kill(init, signal.SIGKILL)
            else:
                unshare.kill()
            unshare.wait()
        self.network.unplug_root()
        self._switch.kill()
        self._switch.wait()
        if self._owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            for name in ("owner", "hosts.json"):
                (self.directory / name).unlink(missing_ok=True)

    def __enter__(self) -> Hosts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_files(self) -> None:
        shutil.rmtree(self.directory / "ssh", ignore_errors=True)
        write_keys(self.directory / "ssh", {name: host.address for name, host in self._hosts.items()})
        known = {**{name: host.address for name, host in self._hosts.items()}, socket.gethostname(): self.root_address}
        lines = "".join(f"{address} {name}\n" for name, address in known.items())
        (self.directory / "hosts").write_text(f"127.0.0.1 localhost\n{lines}")
        (self.directory / "empty").touch()
        for name in self.names:
            own = self.directory / name
            own.mkdir(exist_ok=True)
            settings = {
                "name": name,
                "interface": f"{self.address(name)}/24",
                "keep": self._kept(),
                "bind": self._bound(),
                "sshd": str(write_sshd(own, self.directory / "ssh")),
                "log": str(own / "sshd.log"),
            }
            (own / "settings.json").write_text(json.dumps(settings, indent=1))

    def _kept(self) -> list[str]:
        """The directories below /tmp that the hosts share: no temporary files, though they lie there."""
        wanted = (self.directory, PROJECT, Path(sys.prefix), Path(sys.base_prefix), *self._shared)
        below = sorted({path.resolve() for path in wanted if path.resolve().is_relative_to("/tmp")})
        return [str(path) for path in below if not any(path.is_relative_to(other) for other in below if other != path)]

    def _bound(self) -> list[tuple[str, str]]:
        """Files of the hosts' own in the place of this machine's: names, ssh keys, a shell without start files."""
        home = Path.home()
        (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
        empty = (Path("/etc/resolv.conf"), *(home / name for name in (".bashrc", ".profile", ".bash_profile")))
        return [
            (str(self.directory / "hosts"), "/etc/hosts"),
            (str(self.directory / "ssh"), str(home / ".ssh")),
            *((str(self.directory / "empty"), str(path)) for path in empty if path.exists()),
        ]

    def _start(self, names: Sequence[str]) -> None:
        deadline = time.monotonic() + START_DEADLINE
        for name in names:
            self._inits[name] = self._unshare(name)
        for name in names:
            self._expect(name, "here", deadline)
            (init,) = psutil.Process(self._inits[name].pid).children()
            self._hosts[name] = Host(name, self.address(name), init.pid)
        self.network.connect({name: self._hosts[name].init for name in names})
        for name in names:
            stdin = self._inits[name].stdin
            assert stdin is not None
            stdin.write("go\n")
            stdin.flush()
        for name in names:
            self._expect(name, "ready", deadline)
        self._save()

    def _unshare(self, name: str) -> subprocess.Popen[str]:
        spaces = ("--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        program = (sys.executable, "-I", "-S", str(Path(__file__).with_name("pid_one.py")))
        settings = str(self.directory / name / "settings.json")
        with (self.directory / name / "log").open("w") as log:
            return subprocess.Popen(
                [*LIVES_NO_LONGER_THAN_ITS_PARENT, "unshare", *spaces, *program, settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd="/",
                env={"PATH": PATH, "HOME": str(Path.home()), "LANG": "C.UTF-8"},
            )

    def _expect(self, name: str, word: str, deadline: float) -> None:
        stdout = self._inits[name].stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], max(0, deadline - time.monotonic()))
        if not ready or stdout.readline().strip() != word:
            log = (self.directory / name / "log").read_text().strip()
            raise RuntimeError(
                f"host {name} did not say {word!r} within {START_DEADLINE:g} s; its log: {log or 'empty'}"
            )


def _remove_stale() -> None:
    """Directories of runs that were killed; their processes and networks have gone with them."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            pid, created = (directory / "owner").read_text().split()
        except (FileNotFoundError, ValueError):
            continue
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(int(pid)).create_time() == float(created):
                continue
        shutil.rmtree(directory, ignore_errors=True)
