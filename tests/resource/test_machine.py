from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from pilot_quantum.resource import machine


@pytest.fixture
def cgroup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    return tmp_path


def test_cores_are_those_that_this_process_may_use(cgroup: Path) -> None:
    assert machine.cores() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None), ("", None), ("nonsense", None)],
)
def test_cores_are_bounded_by_the_quota_of_the_cgroup(cgroup: Path, quota: str, cores: int | None) -> None:
    (cgroup / "cpu.max").write_text(quota + "\n")
    assert machine.cores() == (cores or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("limit", "memory"), [("1048576", 1048576), ("max", None), (str(2**63), None), ("", None)])
def test_memory_is_bounded_by_the_limit_of_the_cgroup(cgroup: Path, limit: str, memory: int | None) -> None:
    (cgroup / "memory.max").write_text(limit + "\n")
    assert machine.memory() == (memory or psutil.virtual_memory().total)


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (set(), set()),
        ({"qiskit_aer"}, {"simulator"}),
        ({"qiskit_aer", "pennylane_lightning"}, {"simulator", "lightning"}),
    ],
)
def test_simulators_that_are_installed_are_capabilities(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], expected: set[str]
) -> None:
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: name in installed or None)
    assert machine.capabilities() == expected


def test_gpus_are_numbered_where_nobody_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.gpu_ids(2) == ("0", "1")
    assert machine.gpu_ids(0) == ()


def test_gpus_are_those_that_the_program_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5af,3,7")
    assert machine.gpu_ids(2) == ("GPU-5af", "3")
