"""`python -m tests.services`, for work by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.services.hosts import PROJECT
from tests.services.processes import remaining


def services(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.services", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.requires("slurm")
def test_services_go_up_are_used_and_go_down(tmp_path: Path) -> None:
    where = ("--directory", str(tmp_path))
    up = services("up", *where, "--hosts", "2")
    assert up.returncode == 0, up.stderr
    try:
        assert f"ssh -F {tmp_path}/ssh/config h1" in up.stdout
        assert services("status", *where).stdout == up.stdout
        assert "services run already" in services("up", *where).stdout
        assert services("run", *where, "h2", "hostname").stdout == "h2\n"
        assert "slurmd" in services("processes", *where, "h2").stdout
        assert "no host 'h9'" in services("kill", *where, "h9").stderr
        for action in ("link-down", "link-up", "node-down", "node-up", "drain", "resume"):
            done = services(action, *where, "h2")
            assert done.returncode == 0, done.stderr
    finally:
        services("down", *where)
    assert services("status", *where).returncode == 1
    assert remaining(str(tmp_path)) == []
