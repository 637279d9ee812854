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
    "git": _command("git"),
    "jupyter": _jupyter,
    "matplotlib": _package("matplotlib", "plot"),
    "qiskit": _package("qiskit", "qiskit"),
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


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("requires"):
        for name in mark.args:
            if name not in SERVICES:
                raise pytest.UsageError(f"requires({name!r}): no such service; there are {', '.join(sorted(SERVICES))}")
            if reason := SERVICES[name]():
                _missing(f"{name}: {reason}")


@pytest.fixture
def requires() -> Callable[[bool, str], None]:
    """Skip this test (fail it under CI=true) with the given reason unless the condition holds."""

    def check(available: bool, reason: str) -> None:
        if not available:
            _missing(reason)

    return check


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
