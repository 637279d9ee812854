"""Allocations through Torque's commands, as Slurm's wrappers offer them; OpenPBS itself cannot be had in tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch.launcher import BatchLauncher
from pilot_quantum.resource.launchers.batch.local_shell import LocalShell
from pilot_quantum.resource.launchers.batch.pbs import PbsSystem
from pilot_quantum.resource.launchers.protocol import Request

pytestmark = pytest.mark.requires("slurm")


@pytest.fixture
def launched(
    slurm: Any, loop: Any, agents: Any, story: Any, tmp_path: Path, monkeypatch: Any, requires: Any
) -> Iterator[Callable[..., BatchLauncher]]:
    requires(shutil.which("qsub") is not None, "qsub is not installed: apt-get install slurm-wlm-torque")
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    made: list[BatchLauncher] = []

    def launch(program: str, queue: str = "normal") -> BatchLauncher:
        launcher = BatchLauncher(
            loop,
            agents,
            tmp_path,
            "pbs",
            shells=lambda _: LocalShell(),
            command=lambda python, config: ("sh", "-c", program, config),
        )
        made.append(launcher)
        description = PilotDescription(f"pbs:///{queue}?cores=1&walltime=5m&address={slurm.hosts.root_address}")
        request = Request("p.1", "p", description, launcher.resolve(description), 1)
        loop.ask(lambda: launcher.launch(request, story))
        return launcher

    yield launch
    for launcher in made:
        loop.ask(launcher.close)


def test_the_wrappers_count_as_torque(launched):
    assert PbsSystem(LocalShell()).dialect == "torque"


def test_a_job_starts_and_is_cancelled(launched, loop, slurm, story):
    launcher = launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    loop.ask(lambda: launcher.cancel("p.1"))
    assert story.end("p.1") == ("cancelled", False)
    slurm.until(lambda: not slurm.jobs(), "no job is left")


def test_a_refused_job_says_why(launched, story):
    launched("sleep 300", queue="nowhere")
    cause, failed = story.end("p.1")
    assert failed
    assert "invalid partition" in cause.lower()


def test_closing_leaves_no_job(launched, loop, slurm, story):
    launcher = launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    loop.ask(launcher.close)
    assert story.ends["p.1"] == ("session closed", False)
    assert slurm.jobs() == set()
