"""The nodes of an allocation: their names, as the batch system lists them, and addresses at which others reach them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pilot_quantum.resource.agent.config import AgentConfig

_LIMIT = 30.0
"""Seconds for which the batch system may think about its node list."""


def names(config: AgentConfig) -> list[str]:
    """The nodes' names, this one's first. May ask the batch system, which takes. Raises OSError with its words."""
    found = list(config.hosts) or _slurm() or _pbs() or [config.name or socket.gethostname()]
    own = own_name(config, found)
    rest = [name for name in dict.fromkeys(found) if name != own]
    return [own, *rest][: max(1, config.nodes)]


def own_name(config: AgentConfig, found: Sequence[str]) -> str:
    """How this node is called among those."""
    given = config.name or os.environ.get("SLURMD_NODENAME", "")
    if given:
        return given
    host = socket.gethostname()
    for name in found:
        if name in (host, host.partition(".")[0]) or name.partition(".")[0] == host:
            return name
    return found[0]


def own_address(config: AgentConfig, others: Sequence[str]) -> str:
    """An address of this node that the others reach."""
    if config.listen is not None:
        return config.listen
    login = os.environ.get("SSH_CONNECTION", "").split()[2:3]
    for address in (*map(_towards, others), *login):
        if address and not address.startswith("127."):
            return address
    try:
        return socket.gethostbyname(socket.gethostname()) if others else "127.0.0.1"
    except OSError:
        return "127.0.0.1"


def _towards(name: str) -> str:
    """The own address on the way to `name`; nothing is sent."""
    try:
        family, kind, _, _, target = socket.getaddrinfo(name, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def towards_session(config: AgentConfig) -> str:
    """The own address on the way to whom this agent dials."""
    return _towards(config.addresses[0][0]) if config.addresses else ""


def _slurm() -> list[str]:
    listed = os.environ.get("SLURM_JOB_NODELIST") or os.environ.get("SLURM_NODELIST")
    if not listed:
        return []
    command = ["scontrol", "show", "hostnames", listed]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"scontrol does not say which nodes {listed!r} are: {error}") from None
    if done.returncode:
        raise OSError(f"scontrol does not say which nodes {listed!r} are: {done.stderr.strip()}")
    return done.stdout.split()


def _pbs() -> list[str]:
    file = os.environ.get("PBS_NODEFILE")
    return list(dict.fromkeys(Path(file).read_text().split())) if file else []
