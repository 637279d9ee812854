"""The cluster's processes: `ray start` on every node, the driver beside the head, and what each one's end means."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import msgspec

from pilot_quantum.resource.agent.hosts import Host
from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.engines.ray import driver, messages, node
from pilot_quantum.resource.engines.ray.relay import Relay

NODE, DRIVER = "ray-node", "ray-driver"
"""What the processes are called on their hosts."""
MEMORY = 200 << 20
"""Bytes of an object store: arguments and results pass through it, nothing stays; what does not fit goes to disk."""
LAST_WORDS = 2.0
"""Seconds for which the head's own words on its end are awaited when the driver has ended."""
PATIENCE = 3.0
"""Seconds for which the processes' ends are awaited at the engine's end; the hosts' guards see to them anyway."""


class RunningLoop(Loop, Protocol):
    """A loop of engines that is an asyncio loop."""

    @property
    def asyncio(self) -> asyncio.AbstractEventLoop:
        """It."""


class Cluster:
    """One Ray cluster. `receive` takes what the driver says; `node_ended(host, how)` and `ended(how)` are called once.

    hosts: the one on which this process runs first; it gets the head.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        loop: RunningLoop,
        receive: Callable[[messages.FromDriver], None],
        node_ended: Callable[[Host, str], None],
        ended: Callable[[str], None],
    ) -> None:
        self._hosts = hosts
        self._loop = loop
        self._receive = receive
        self._node_ended = node_ended
        self._ended = ended
        self._token = secrets.token_hex(32)
        self._paths = {host.node: _path(host) for host in hosts}
        self.marks: dict[int, str] = {}
        """What the processes of a node bear, once its part of the cluster has been started."""
        self._living: set[tuple[int, str]] = set()
        """(node, process) that have been started and have not ended."""
        self._over = False
        self._on_closed: Callable[[], None] | None = None
        self._relay = Relay(self._take, lambda: None)
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the head and the driver; the other nodes follow when the head has an address."""
        if find_spec("ray") is None:
            reason = f'{sys.executable} has no package ray: install "pilot-quantum[ray]" there'
            self._loop.call_soon(lambda: self._end(reason))
            return
        head = self._hosts[0]
        path = self._paths[head.node]
        self._start_node(head, "")
        try:
            # The link is the node's to make, and may not be there yet: bound from within, by a short name.
            listener = _listen(head.directory)
        except OSError as error:
            reason = f"no socket for its driver in {head.directory}: {error}"
            self._loop.call_soon(lambda: self._end(reason))
            return
        task = self._loop.asyncio.create_task(self._serve(listener))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        where = driver.Specification(
            directory=str(head.directory), temporary=node.temporary(path), address=head.address
        )
        environ = {driver.SPECIFICATION: msgspec.json.encode(where).decode(), node.TOKEN: self._token}
        self._run(head, DRIVER, driver.__name__, environ, self._driver_exited)

    def join(self, address: str) -> None:
        """The head has this address: start the other nodes."""
        for host in self._hosts[1:]:
            self._start_node(host, address)

    def send(self, message: messages.ToDriver) -> None:
        """Tell the driver something."""
        if not self._over:
            self._relay.send(message)

    def close(self, done: Callable[[], None]) -> None:
        """End all processes, then call `done`; it is called within `PATIENCE` seconds."""
        self._over = True
        self._on_closed = done
        self._relay.close()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for host in self._hosts:
            for process in (DRIVER, NODE):
                if (host.node, process) in self._living:
                    host.kill(process)
        self._check_closed()
        self._loop.call_later(PATIENCE, self._closed)

    async def _serve(self, listener: socket.socket) -> None:
        self._server = await self._loop.asyncio.create_unix_server(lambda: self._relay, sock=listener)

    def _take(self, data: bytes) -> None:
        if not self._over:
            self._receive(messages.decode_from_driver(data))

    def _start_node(self, host: Host, head: str) -> None:
        specification = node.Specification(
            name=str(host.node),
            address=host.address,
            directory=str(host.directory),
            path=self._paths[host.node],
            head=head,
            slots=host.inventory.cores,
            memory=MEMORY,
        )
        environ = {node.SPECIFICATION: msgspec.json.encode(specification).decode(), node.TOKEN: self._token}
        self.marks[host.node] = self._run(host, NODE, node.__name__, environ, lambda how: self._node_exited(host, how))

    def _run(
        self, host: Host, process: str, module: str, environ: dict[str, str], on_exit: Callable[[str], None]
    ) -> str:
        def exited(how: str) -> None:
            self._living.discard((host.node, process))
            if not self._over:
                on_exit(how)
            else:
                self._check_closed()

        self._living.add((host.node, process))
        return host.start(process, [sys.executable, "-m", module], environ, exited)

    def _node_exited(self, host: Host, how: str) -> None:
        if host is self._hosts[0]:
            self._end(f"the head of its Ray cluster {_plain(how)}")
        else:
            self._node_ended(host, f"its Ray node {_plain(how)}")

    def _driver_exited(self, how: str) -> None:
        # The head's end is the usual cause, and says more.
        self._loop.call_later(LAST_WORDS, lambda: self._end(f"the driver of its Ray cluster {how}"))

    def _end(self, how: str) -> None:
        if not self._over:
            self._over = True
            self._ended(how)

    def _check_closed(self) -> None:
        if not self._living:
            self._closed()

    def _closed(self) -> None:
        done, self._on_closed = self._on_closed, None
        if done is None:
            return
        head = self._hosts[0]
        with contextlib.suppress(OSError):
            (head.directory / "token").unlink()
        shutil.rmtree(node.temporary(str(head.directory)), ignore_errors=True)
        (head.directory / driver.SOCKET).unlink(missing_ok=True)
        for host in self._hosts:
            if self._paths[host.node] != str(host.directory):
                if host is head:
                    Path(self._paths[host.node]).unlink(missing_ok=True)
                elif not host.lost:
                    host.start("ray-tidy", ["/bin/rm", "-f", self._paths[host.node]], {}, lambda _: None)
        done()


def _plain(how: str) -> str:
    """What matters of a node's last words: which of Ray's processes ended first, if it names one."""
    found = re.search(r"END (\w+)\.\w+ tail \(exit code\(s\)=(-?\d+)", how) or re.search(
        node.ENDED.format(r"(\w+)", r"(-?\d+)"), how
    )
    return f"ended: its {found[1]} exited with code {found[2]}" if found else how


def _path(host: Host) -> str:
    """A path to the host's directory that is short enough for Ray's sockets; a link to be made where it is not."""
    if len(node.temporary(str(host.directory))) <= node.LONGEST:
        return str(host.directory)
    return f"/tmp/pq-{secrets.token_hex(8)}"  # noqa: S108 - a name that nobody can guess; the link is made, not followed


def _listen(directory: Path) -> socket.socket:
    """A listening socket in a directory whose path may be longer than the system takes for a socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{handle}/{driver.SOCKET}")
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(handle)
    return listener
