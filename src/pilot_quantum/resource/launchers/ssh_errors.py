"""What ssh's own words mean, and what to do about it."""

from __future__ import annotations

from enum import StrEnum, auto

from pilot_quantum.resource.launchers.shell import ShellError


class SSHFault(StrEnum):
    """Why something could not be done over ssh."""

    UNREACHABLE = auto()
    REFUSED = auto()
    UNKNOWN_HOST_KEY = auto()
    CHANGED_HOST_KEY = auto()
    CONFIGURATION = auto()
    NO_PROGRAM = auto()
    TIMED_OUT = auto()
    CUT = auto()
    OTHER = auto()


class SSHError(ShellError):
    """ssh could not do it. `fault` says why, for programs; the message says it for people, with ssh's own words."""

    def __init__(self, fault: SSHFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


_SIGNS: tuple[tuple[SSHFault, tuple[str, ...]], ...] = (
    (SSHFault.CHANGED_HOST_KEY, ("REMOTE HOST IDENTIFICATION HAS CHANGED", "host key for", "differs from the key")),
    (SSHFault.UNKNOWN_HOST_KEY, ("Host key verification failed", "host key is known")),
    (
        SSHFault.REFUSED,
        (
            "Permission denied",
            "Too many authentication failures",
            "authentication methods available",
            "Authentication failed",
            "no mutual signature",
        ),
    ),
    (
        SSHFault.CONFIGURATION,
        ("Bad configuration option", "terminating,", "Can't open user config", "Bad owner or permissions"),
    ),
    (
        SSHFault.UNREACHABLE,
        (
            "Could not resolve hostname",
            "timed out",
            "Connection refused",
            "No route to host",
            "Network is unreachable",
            "Connection closed by",
            "Connection reset",
            "kex_exchange_identification",
            "banner exchange",
            "Connection to UNKNOWN",
        ),
    ),
)
"""Earlier lines win: a changed key ends in "Host key verification failed" too."""

_REMEDIES = {
    SSHFault.UNREACHABLE: "Check the name and the network: `{try_it}` must work; its name, port and jump hosts belong "
    "into ~/.ssh/config.",
    SSHFault.REFUSED: "`{try_it}` must work: check the user and the key (ssh-add -l). Where the host asks for "
    "a password or a one-time code, run the program in a terminal, so that it can ask, or open a connection there "
    "first with ControlMaster in ~/.ssh/config; it will be used.",
    SSHFault.UNKNOWN_HOST_KEY: "Nobody has confirmed the host's key yet: run `{try_it}` once in a terminal, compare "
    "the fingerprint and accept it.",
    SSHFault.CHANGED_HOST_KEY: "The host has another key than it used to have. If that is meant (ask its "
    "administrators), remove the old one with `ssh-keygen -R {name}` and run `{try_it}` once.",
    SSHFault.CONFIGURATION: "ssh cannot use its configuration; mend it until `{try_it}` works.",
    SSHFault.OTHER: "`{try_it}` must work before a pilot can.",
}


def explained(host: str, command: str, words: str) -> SSHError:
    """The error for a connection that could not be made: ssh said `words`. command: how ssh is called."""
    fault = fault_of(words)
    name = host.rpartition("@")[2].partition(":")[0]
    remedy = _REMEDIES[fault].format(try_it=f"{command} {_destination(host)} true", name=name)
    return SSHError(fault, f"{host} cannot be reached by ssh, which says: {last_lines(words)} {remedy}")


def fault_of(words: str) -> SSHFault:
    """What kind of failure ssh speaks of."""
    for fault, signs in _SIGNS:
        if any(sign in words for sign in signs):
            return fault
    return SSHFault.OTHER


def last_lines(words: str, most: int = 4) -> str:
    """The last lines of what a program said, as one, without the frames that ssh draws; ends in a full stop."""
    lines = [line.strip() for line in words.splitlines()]
    kept = [line for line in lines if line and not line.startswith("@@@")]
    text = " / ".join(line.strip("@ ") for line in kept[-most:]) or "nothing"
    return text if text.endswith((".", "!")) else text + "."


def _destination(host: str) -> str:
    name, _, port = host.partition(":")
    return f"-p {port} {name}" if port else name
