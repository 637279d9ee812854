"""What a node has, of what was asked for and granted; and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest

from pilot_quantum.resource import machine
from pilot_quantum.resource.agent import inventory
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.channel.credentials import Credentials

CONFIG = AgentConfig(pilot="p", allocation="p.1", credentials=Credentials(certificate_pem=""), engine="processes")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("SLURM_", "PBS_")) or name == "CUDA_VISIBLE_DEVICES":
            monkeypatch.delenv(name)


def config(**changes: object) -> AgentConfig:
    return msgspec.structs.replace(CONFIG, **changes)


def test_what_was_not_asked_for_is_what_is_there() -> None:
    there = inventory.take(CONFIG)
    assert (there.cores, there.memory, there.gpus) == (machine.cores(), machine.memory(), ())
    assert {"python", "pilot-quantum", "cloudpickle"} <= there.versions.keys()


def test_more_than_is_there_is_had_only_where_it_is_taken_at_its_word() -> None:
    assert inventory.take(config(cores=10_000, memory=1 << 60)).cores == machine.cores()
    assert inventory.take(config(cores=10_000, memory=1 << 60)).memory == machine.memory()
    assert inventory.take(config(cores=64, exact=True)).cores == 64


def test_what_the_batch_system_grants_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "512")
    assert inventory.take(CONFIG).cores == 1
    assert inventory.take(CONFIG).memory == 512 << 20
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "500")
    assert inventory.take(config(cores=300)).cores == 300


def test_gpus_go_by_the_names_that_their_libraries_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_GPUS", "2,3")
    assert inventory.take(config(gpus=2)).gpus == ("2", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-7,GPU-8,GPU-9")
    assert inventory.take(config(gpus=2)).gpus == ("GPU-7", "GPU-8")
    assert inventory.take(config(gpus=4)).gpus == ("GPU-7", "GPU-8", "GPU-9")
    assert inventory.take(CONFIG).gpus == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4:05", 245),
        ("1:02:03", 3723),
        ("2-00:00:10", 172_810),
        ("0:00", 0),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_slurm_says_how_long_in_its_own_way(text: str, seconds: float | None) -> None:
    assert inventory.seconds(text) == seconds


def test_the_end_comes_from_the_batch_system_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 1:00:00\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    now = time.monotonic()
    assert inventory.ends_at(CONFIG, {}) is None
    told = inventory.ends_at(CONFIG, {"SLURM_JOB_END_TIME": str(int(time.time()) + 100), "SLURM_JOB_ID": "7"})
    assert told == pytest.approx(now + 100, abs=10)
    assert inventory.ends_at(CONFIG, {"SLURM_JOB_ID": "7"}) == pytest.approx(now + 3600, abs=10)
    assert inventory.ends_at(config(walltime=50.0), {}) == pytest.approx(now + 50, abs=10)
