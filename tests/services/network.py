"""The private network of virtual hosts: a switch in a namespace of its own, one cable into the root namespace.

The root namespace gets one interface with one address of a free /24 out of 198.18.0.0/15 (set aside for tests by
RFC 2544). No route, no rule and no forwarding is added: nothing outside this machine can reach the hosts.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import random
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RANGE = ipaddress.ip_network("198.18.0.0/15")
LIVES_NO_LONGER_THAN_ITS_PARENT = ("setpriv", "--pdeathsig", "KILL")


@dataclass(frozen=True)
class Network:
    """switch: process that holds the switch's namespace. interface: its cable's end in the root namespace."""

    switch: int
    interface: str
    prefix: str

    @property
    def root_address(self) -> str:
        """Where hosts reach the root namespace."""
        return f"{self.prefix}.1"

    def address(self, number: int) -> str:
        """Address of the host of that number, from 1."""
        return f"{self.prefix}.{10 + number}"

    def connect(self, init_pids: Mapping[str, int]) -> None:
        """Gives each of these hosts (by name: its first process) a network card, cabled to the switch."""
        lines = [
            f"link add {name} type veth peer name eth0 netns {pid}\nlink set {name} master switch\nlink set {name} up\n"
            for name, pid in init_pids.items()
        ]
        ip_batch("".join(lines), within=self.switch)

    def set_link(self, name: str, state: str) -> None:
        """Pulls ("down") or plugs ("up") a host's cable at the switch."""
        ip_batch(f"link set {name} {state}\n", within=self.switch)

    def unplug_root(self) -> None:
        """Removes the interface from the root namespace."""
        subprocess.run(["ip", "link", "del", self.interface], capture_output=True, check=False)


def open_network() -> tuple[Network, subprocess.Popen[str]]:
    """A switch, connected to the root namespace; it ends with the process returned, and that with this one."""
    command = [*LIVES_NO_LONGER_THAN_ITS_PARENT, "unshare", "--net", "sh", "-c", "echo here; exec sleep infinity"]
    switch = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert switch.stdout is not None
    if switch.stdout.readline() != "here\n":
        raise RuntimeError(f"no network namespace: {command} ended with {switch.wait()}")
    interface = f"pq{secrets.token_hex(4)}"
    with _one_at_a_time():
        network = Network(switch.pid, interface, _free_prefix())
        ip_batch(
            f"link add {interface} type veth peer name root netns {switch.pid}\n"
            f"addr add {network.root_address}/24 dev {interface}\nlink set {interface} up\n"
        )
    ip_batch(
        "link add switch type bridge\nlink set switch up\nlink set root master switch\nlink set root up\n",
        within=switch.pid,
    )
    return network, switch


def ip_batch(lines: str, within: int | None = None) -> None:
    """Runs lines of `ip`, in the network namespace of the process `within`."""
    enter = ["nsenter", "-t", str(within), "-n"] if within is not None else []
    done = subprocess.run([*enter, "ip", "-batch", "-"], input=lines, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip refused {lines!r}: {done.stderr.strip()}")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two runs that start at the same moment must not choose the same subnet."""
    with (Path(tempfile.gettempdir()) / "pilot-quantum-services.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_prefix() -> str:
    routes = json.loads(subprocess.run(["ip", "-j", "-4", "route"], capture_output=True, check=True).stdout or b"[]")
    taken = [ipaddress.ip_network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]
    free = [net for net in RANGE.subnets(new_prefix=24) if not any(net.overlaps(other) for other in taken)]
    if not free:
        raise RuntimeError(f"no free /24 in {RANGE}: are interfaces pq* of earlier runs left? (ip link del NAME)")
    return str(random.choice(free).network_address).rsplit(".", 1)[0]
