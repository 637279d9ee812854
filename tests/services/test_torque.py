"""PBS commands (Torque's wrappers of Slurm): what they know, so that tests which use them ask for no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.services.slurm import Slurm

pytestmark = pytest.mark.requires("torque")

SCRIPT = """\
#!/bin/bash
#PBS -N named
#PBS -l nodes=2:ppn=1,walltime=00:02:00
echo on $(hostname)
sleep 1000
"""


def test_a_job_is_submitted_shown_and_deleted(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(SCRIPT)
    job = slurm.must("qsub", "-q", "normal", "-o", "out", "-e", "err", "script", cwd=tmp_path)
    slurm.until_job(job, "RUNNING")
    shown = slurm.must("qstat", "-f", job)
    lines = {line.strip() for line in shown.splitlines()}
    assert {"Job_Name = named", "job_state = R", "queue = normal", "Resource_List.nodect = 2"} <= lines
    assert "Resource_List.walltime = 00:02:00" in lines
    slurm.until(lambda: (tmp_path / "out").exists() and "on h" in (tmp_path / "out").read_text(), "output")
    assert slurm.command("qdel", job).returncode == 0
    slurm.until_job(job, "CANCELLED")
    assert "job_state = C" in slurm.must("qstat", "-f", job)


def test_an_unknown_queue_is_refused_in_the_scheduler_s_words(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(SCRIPT)
    refused = slurm.command("qsub", "-q", "nowhere", "script", cwd=tmp_path)
    assert refused.returncode
    assert "invalid partition specified: nowhere" in refused.stdout + refused.stderr


def test_unknown_jobs_and_openpbs_options_are_refused(slurm: Slurm) -> None:
    for command in (("qstat", "-f", "999999"), ("qdel", "999999"), ("qstat", "--version"), ("qstat", "-F", "json")):
        assert slurm.command(*command).returncode, command
