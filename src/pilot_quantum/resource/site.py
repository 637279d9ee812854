"""What a speed belongs to: a machine, and the versions of what computes there."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from pilot_quantum.resource.machine import cores, memory

PACKAGES = ("numpy", "qiskit", "qiskit-aer", "pennylane-lightning", "pilot-quantum")

SAME_MEMORY = 0.1
"""Part by which the memory of one machine may differ from one report to the next."""


class Machine(msgspec.Struct, frozen=True):
    """What a speed belongs to. processor: its model. cores: usable ones. memory: bytes. system: and architecture."""

    processor: str
    cores: int
    memory: int
    system: str

    def differences(self, other: Machine) -> list[str]:
        """What tells `other` from this one, each with both values."""
        found = [
            f"{name} {getattr(self, name)!r} there, {getattr(other, name)!r} here"
            for name in ("processor", "cores", "system")
            if getattr(self, name) != getattr(other, name)
        ]
        if abs(self.memory - other.memory) > SAME_MEMORY * max(self.memory, other.memory):
            found.append(f"memory {self.memory / 2**30:.1f} GiB there, {other.memory / 2**30:.1f} GiB here")
        return found


class Site(msgspec.Struct, frozen=True):
    """What a process says of where it runs. versions: of Python and packages. lightning: whether it is installed."""

    machine: Machine
    versions: dict[str, str]
    lightning: bool


@cache
def look_around() -> Site:
    """What this process runs on; looked up once."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    machine = Machine(_processor(), cores(), memory(), f"{platform.system()} {platform.machine()}")
    return Site(machine, versions, find_spec("pennylane_lightning") is not None)


def _processor() -> str:
    """The processor's model, as Linux calls it, or else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
