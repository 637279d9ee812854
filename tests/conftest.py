"""What every test may ask for: services that a machine may lack.

`@pytest.mark.requires("jupyter")` skips a test where the service is missing, with a line that says so.
With CI=true in the environment a missing service is a failure: what CI does not run, nobody knows to work.
The fixture `requires` is for where only the test can probe: `requires(found, "what lacks, the remedy")`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings
from tests.services import probes
from tests.services.hosts import Hosts
from tests.services.slurm import Slurm

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# CI tries the same examples each time, so that it fails for what a change did; at a desk they differ from run to run.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if CI else "desk")


def _package(name: str, extra: str) -> Callable[[], str]:
    return lambda: "" if find_spec(name) else f"package {name} is not installed: uv sync --extra {extra}"


def _command(name: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"command {name} is not on PATH: install it"


def _jupyter() -> str:
    missing = [name for name in ("nbclient", "ipykernel") if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed: uv sync (the dev group has them)" if missing else ""


# Each probe returns "" where the service is there, else what is missing and the remedy.
SERVICES: dict[str, Callable[[], str]] = {
    "aer": _package("qiskit_aer", "qiskit"),
    "dask": _package("distributed", "dask"),
    "git": _command("git"),
    "jupyter": _jupyter,
    "lightning": _package("pennylane_lightning", "bench"),
    "matplotlib": _package("matplotlib", "plot"),
    "mpi4py": _package("mpi4py", "mpi"),
    "qiskit": _package("qiskit", "qiskit"),
    "ray": _package("ray", "ray"),
    **probes.PROBES,
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "requires(*services): skip where a service is missing (fail under CI=true); see tests/conftest.py",
    )


def _missing(reason: str) -> None:
    if CI:
        pytest.fail(f"CI=true and {reason}", pytrace=False)
    pytest.skip(reason)


def _demand(service: str) -> None:
    if reason := SERVICES[service]():
        _missing(f"{service}: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("requires"):
        for name in mark.args:
            if name not in SERVICES:
                raise pytest.UsageError(f"requires({name!r}): no such service; there are {', '.join(sorted(SERVICES))}")
            _demand(name)


@pytest.fixture
def requires() -> Callable[[bool, str], None]:
    """Skip this test (fail it under CI=true) with the given reason unless the condition holds."""

    def check(available: bool, reason: str) -> None:
        if not available:
            _missing(reason)

    return check


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Four virtual hosts with sshd (tests/services/README.md); they see what `tmp_path` gives, and no more of /tmp."""
    _demand("hosts")
    directory = tmp_path_factory.mktemp("services")  # pytest keeps it a while: logs for who looks into a failure
    with Hosts(4, directory=directory, shared=[tmp_path_factory.getbasetemp()]) as opened:
        yield opened


@pytest.fixture(scope="session")
def slurm(hosts: Hosts) -> Iterator[Slurm]:
    """A real Slurm over `hosts`: controller and login node h1, nodes h2 to h4."""
    _demand("slurm")
    with Slurm(hosts) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _restored(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did to hosts and Slurm, the next one finds them whole, and no job of that test."""
    used = {name for name in ("hosts", "slurm") if name in request.fixturenames}
    hosts: Hosts | None = request.getfixturevalue("hosts") if used else None
    slurm: Slurm | None = request.getfixturevalue("slurm") if "slurm" in used else None
    before = slurm.jobs() if slurm else set()
    yield
    if hosts:
        hosts.restore()
        if slurm:
            slurm.restore(slurm.jobs() - before)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """New pilots' agents, their session and its ssh notice within seconds that a link is down, and then give it up."""
    from pilot_quantum.resource.engines import reception
    from pilot_quantum.resource.launchers import openssh

    monkeypatch.setattr(reception, "DEAD", 5.0)
    monkeypatch.setattr(reception, "GRACE", 3.0)
    monkeypatch.setattr(openssh, "ALIVE", (1, 6))
    monkeypatch.setattr(openssh, "CONNECT", 2)


@pytest.fixture
def unwritable() -> Iterator[Callable[[Path], str]]:
    """Makes an existing, empty directory unwritable; returns the system's words for it. Root needs a mount for that."""
    undo: list[Callable[[], object]] = []

    def make(directory: Path) -> str:
        if os.geteuid() != 0:
            directory.chmod(0o500)
            undo.append(lambda: directory.chmod(0o700))
            return "Permission denied"
        command = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(directory)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("root may write anywhere, and cannot mount a read-only file system here")
        undo.append(lambda: subprocess.run(["umount", "-l", str(directory)], check=False))
        return "Read-only file system"

    yield make
    for step in undo:
        step()
