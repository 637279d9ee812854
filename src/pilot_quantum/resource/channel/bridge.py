"""Joins this process's stdio with a socket: `python -m (this module) unix:PATH | listen:HOST:PORT`.

What ssh runs on the far side. Imports little, so that it starts fast, and uses two threads, one a direction, that
block: there is nothing to decide here.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import struct
import sys
import threading

_CHUNK = 1 << 18
_LINGER = 10.0
"""Seconds for which the socket may still speak after stdin has ended."""
_USAGE, _FAILED = 2, 3


LISTENING = b"pilot-quantum listens on port "
"""Begins the line after which all that is written comes from who has connected; a login shell may print before it."""


class BridgeError(Exception):
    """The socket cannot be had."""


def reach(path: str) -> socket.socket:
    """A connection to a unix socket of this user's. Raises BridgeError."""
    try:
        status = os.lstat(path)
        if not stat.S_ISSOCK(status.st_mode):
            raise BridgeError(f"{path} is no socket")
        _require_own(path, status.st_uid)
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.connect(path)
    except OSError as error:
        raise BridgeError(f"{path} cannot be reached ({error.strerror or error}): is its agent still there?") from None
    if hasattr(socket, "SO_PEERCRED"):
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _require_own(path, struct.unpack("3i", credentials)[1])
    return link


def await_one(host: str, port: int) -> tuple[socket.socket, bytes]:
    """The first connection to a port, and what stdin said before it came. Raises BridgeError; None came: EOFError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = socket.create_server((host, port), family=family, backlog=1)
    except OSError as error:
        raise BridgeError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    with server:
        os.write(1, LISTENING + b"%d\n" % server.getsockname()[1])
        early, watched = b"", [server.fileno(), 0]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if server.fileno() in ready:
                link, _ = server.accept()
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return link, early
            data = os.read(0, _CHUNK)
            if not data:
                raise EOFError
            early += data
            if len(early) >= _CHUNK:
                watched = [server.fileno()]


def splice(link: socket.socket, early: bytes = b"") -> None:
    """Carry bytes both ways until the socket ends, or a little after stdin has."""
    ended = threading.Event()

    def outward() -> None:
        try:
            data = early
            while True:
                if data:
                    link.sendall(data)
                data = os.read(0, _CHUNK)
                if not data:
                    break
            link.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the socket has ended: the other direction knows
        ended.wait(_LINGER)
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        ended.wait(_LINGER)
        os._exit(0)  # stdout takes nothing any more

    threading.Thread(target=outward, daemon=True).start()
    try:
        while data := link.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]
    except OSError:
        pass  # either end has gone: that is the end
    ended.set()


def main(arguments: list[str]) -> int:
    """Run the bridge; the exit status."""
    kind, _, rest = (arguments[0] if len(arguments) == 1 else "").partition(":")
    host, _, port = rest.rpartition(":")
    early = b""
    try:
        if kind == "unix" and rest:
            link = reach(rest)
        elif kind == "listen" and host and port.isdecimal() and int(port) < 1 << 16:
            link, early = await_one(host.strip("[]"), int(port))
        else:
            print(
                "usage: python -m pilot_quantum.resource.channel.bridge unix:PATH | listen:HOST:PORT", file=sys.stderr
            )
            return _USAGE
    except BridgeError as error:
        print(f"pilot-quantum bridge: {error}.", file=sys.stderr)
        return _FAILED
    except EOFError:
        return 0
    splice(link, early)
    return 0


def _require_own(path: str, uid: int) -> None:
    if uid != os.geteuid():
        raise BridgeError(f"{path} belongs to user {uid}, not to {os.geteuid()}: it is not this user's agent")


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # a thread that waits for stdin shall not hold us up
