"""A port on a login host that leads to this session, for agents to which no way leads but through it.

What goes over it is TLS between the agent and the session; the login host sees no more than its length.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

from pilot_quantum.resource.launchers.openssh import OpenSSH, Stream
from pilot_quantum.resource.launchers.remote_python import START, RemotePython
from pilot_quantum.resource.launchers.ssh_errors import SSHError, SSHFault, last_lines

Address = tuple[str, int]

_BRIDGE = 'exec "$python" -m pilot_quantum.resource.channel.bridge "listen:0.0.0.0:$PORT"\n'
_PAUSES = (0.2, 5.0)
"""Seconds before a port that was lost is opened again: the first time, and at most."""


class Relay:
    """One port of the login host. A bridge waits there for one connection; when it has come, the next bridge does.

    adopt: takes a stream on which an agent has begun to speak; called from a thread of the relay's own.
    """

    def __init__(self, shell: OpenSSH, python: RemotePython, adopt: Callable[[socket.socket], None]) -> None:
        self._shell = shell
        self._python = python
        self._adopt = adopt
        self._port = 0
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def open(self) -> tuple[Address, ...]:
        """Listen, and say where: at all addresses of the login host. Blocks. Raises SSHError."""
        stream = self._bridge()
        stream.link.settimeout(START)
        line = b""
        try:
            while not line.endswith(b"\n") and (data := stream.link.recv(1)):
                line += data
        except TimeoutError:
            line = b""
        if not line.strip().isdigit():
            self._drop(stream)
            raise SSHError(
                SSHFault.OTHER, f"{self._shell.place} cannot relay to its nodes: {last_lines(stream.words())}"
            )
        stream.link.settimeout(None)
        self._port = int(line)
        threading.Thread(target=self._follow, args=(stream,), name="pilot-quantum-relay", daemon=True).start()
        done = self._shell.run(["hostname", "-I"])
        found = done.stdout.split() if done.ok else []
        hosts = [address for address in found if ":" not in address] or [self._shell.place.rpartition("@")[2]]
        return tuple((host, self._port) for host in hosts)

    def close(self) -> None:
        """Close the port, and what goes through it."""
        self._closed.set()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.process.kill()

    def _bridge(self) -> Stream:
        stream = self._shell.pipe(self._python.script(_BRIDGE, PORT=str(self._port)))
        with self._lock:
            self._streams.add(stream)
        if self._closed.is_set():
            stream.process.kill()
        return stream

    def _follow(self, stream: Stream | None) -> None:
        """Have a bridge wait at the port, always, until the end."""
        pause = _PAUSES[0]
        while not self._closed.is_set():
            if stream is None:
                try:
                    stream = self._bridge()
                except SSHError:  # the host is away: agents wait a minute for it
                    self._closed.wait(pause)
                    pause = min(2 * pause, _PAUSES[1])
                    continue
            if self._speaks(stream):
                pause = _PAUSES[0]
                self._adopt(stream.link)
                threading.Thread(target=self._reap, args=(stream,), daemon=True).start()
            else:
                self._drop(stream)
                self._closed.wait(pause)
                pause = min(2 * pause, _PAUSES[1])
            stream = None
        if stream is not None:
            self._drop(stream)

    def _speaks(self, stream: Stream) -> bool:
        """Wait until somebody speaks; False when the stream ends instead."""
        select.select([stream.link], [], [])
        try:
            return bool(stream.link.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _reap(self, stream: Stream) -> None:
        stream.process.wait()
        self._forget(stream)
        stream.end()

    def _drop(self, stream: Stream) -> None:
        self._forget(stream)
        stream.process.kill()
        stream.process.wait()
        stream.link.close()

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)
