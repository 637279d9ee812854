"""The first words on a connection: who an agent is, and whether it may come in."""

from __future__ import annotations

import os
import platform
import secrets
import socket
import struct
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from pilot_quantum.resource.channel.steps import Steps, read, read_some, write
from pilot_quantum.version import __version__

DEADLINE = 10.0
"""Seconds that a handshake may take, TLS included."""
LARGEST = 1 << 16
"""Bytes that a stranger may send."""
_MARK = b"\0pilot-quantum\n"
_LENGTH = struct.Struct("<I")
_QUOTED = 200
_PACKAGES = ("cloudpickle", "msgspec", "numpy")


class Facts(msgspec.Struct, frozen=True):
    """What must fit between two processes that send each other functions and values."""

    python: str
    versions: dict[str, str]
    host: str
    pid: int


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """From an agent: whose it is, the proof, which process it is, and up to where it has received."""

    allocation: str
    token: bytes
    incarnation: str
    received: int
    facts: Facts

    def __repr__(self) -> str:
        return f"Hello({self.allocation!r}, incarnation={self.incarnation!r}, received={self.received}, {self.facts})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("allocation", self.allocation), ("incarnation", self.incarnation)]


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """To an agent: come in; and up to where we have received."""

    received: int
    facts: Facts


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """To an agent: no; `why` in one line."""

    why: str


class HandshakeError(ConnectionError):
    """What came is no greeting."""


_decode = msgspec.msgpack.Decoder(Hello | Welcome | Refused).decode


@cache
def _versions() -> dict[str, str]:
    found = {"pilot-quantum": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def facts() -> Facts:
    """Of this process."""
    return Facts(platform.python_version(), dict(_versions()), socket.gethostname(), os.getpid())


def new_incarnation() -> str:
    """A name for one agent process, that no other will have."""
    return secrets.token_hex(8)


def compare(ours: Facts, theirs: Facts) -> str:
    """Empty where functions and values can travel between both, else one line: what differs, and what to do."""
    where = f"on {theirs.host} (here, on {ours.host}: "
    if _leading(ours.python, 2) != _leading(theirs.python, 2):
        return (
            f"Python is {theirs.python} {where}{ours.python}): functions cannot travel between them; set the pilot's "
            f"interpreter to a Python {_leading(ours.python, 2)} there that has pilot-quantum {__version__}."
        )
    for package, digits in (("pilot-quantum", None), ("cloudpickle", 1)):
        here, there = ours.versions.get(package, "missing"), theirs.versions.get(package, "missing")
        if _leading(here, digits) != _leading(there, digits):
            return (
                f"{package} is {there} {where}{here}): install {package}=={here} in that environment, or set the "
                "pilot's interpreter to one that has it."
            )
    return ""


def verdict(hello: Hello, received: int) -> Welcome | Refused:
    """The answer to an agent whose token was right; `received` by the channel that it will go on with."""
    ours = facts()
    why = compare(ours, hello.facts)
    return Refused(why) if why else Welcome(received, ours)


def say(link: socket.socket, message: Hello | Welcome | Refused) -> Steps[None]:
    """Write a greeting."""
    body = msgspec.msgpack.encode(message)
    yield from write(link, _MARK + _LENGTH.pack(len(body)) + body)


def hear(link: socket.socket) -> Steps[Hello | Welcome | Refused]:
    """Read a greeting and not a byte more; text before it, as login shells print it, is skipped.

    Raises HandshakeError, which quotes that text, when no greeting comes.
    """
    skipped, window = bytearray(), b""
    try:
        while window != _MARK:
            if len(window) == len(_MARK):
                begin = window.find(_MARK[:1], 1)  # no text has a zero byte
                begin = len(window) if begin < 0 else begin
                skipped += window[:begin]
                window = window[begin:]
                if len(skipped) > LARGEST:
                    raise HandshakeError("no greeting came")
            window += yield from read_some(link, len(_MARK) - len(window))
        (length,) = _LENGTH.unpack((yield from read(link, _LENGTH.size)))
        if length > LARGEST:
            raise HandshakeError(f"a greeting of {length} bytes was announced; {LARGEST} are allowed")
        body = yield from read(link, length)
    except ConnectionError as error:
        raise HandshakeError(f"{error}{_quote(skipped + window)}") from None
    try:
        greeting: Hello | Welcome | Refused = _decode(body)
    except (msgspec.DecodeError, ValueError):
        raise HandshakeError("the greeting cannot be read: it is of another version of pilot-quantum") from None
    return greeting


def _leading(text: str, digits: int | None) -> str:
    return ".".join(text.split(".")[:digits])


def _quote(skipped: bytearray) -> str:
    skipped = skipped.removesuffix(_MARK)
    text = " ".join("".join(c if c.isprintable() else " " for c in skipped.decode(errors="replace")).split())
    return f", having said: {text[-_QUOTED:]}" if text else ""
