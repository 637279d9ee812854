"""MPI ranks over two hosts, by the system's Open MPI and by the `mpich` of PyPI."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from tests.services.hosts import Hosts
from tests.services.slurm import Slurm

RANKS = """
import socket
from mpi4py import MPI
world = MPI.COMM_WORLD
for rank, host in enumerate(world.gather(socket.gethostname()) or ()):
    print(rank, host, MPI.get_vendor()[0])
"""

PROGRAM = """
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
    int rank, sum; char host[64];
    MPI_Init(&count, &words);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    gethostname(host, sizeof host);
    printf("%d %s %d\\n", rank, host, sum);
    return MPI_Finalize();
}
"""

BY_TCP = "--mca btl tcp,self --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0"  # no shared memory between


@pytest.fixture
def ranks(tmp_path: Path) -> Path:
    (tmp_path / "ranks.py").write_text(RANKS)
    return tmp_path / "ranks.py"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "program.c").write_text(PROGRAM)
    subprocess.run(["mpicc.openmpi", "-o", "program", "program.c"], cwd=tmp_path, check=True)
    return tmp_path / "program"


def mpiexec() -> str:
    """Hydra of the package mpich, in the environment that runs the tests."""
    return str(Path(sys.executable).with_name("mpiexec.hydra"))


def has_mpich() -> bool:
    try:
        return bool(distribution("mpich"))
    except PackageNotFoundError:
        return False


@pytest.mark.requires("hosts", "openmpi")
def test_open_mpi_ranks_on_two_hosts_started_through_ssh(hosts: Hosts, program: Path) -> None:
    command = f"mpirun.openmpi --allow-run-as-root -H h2:2,h3:2 {BY_TCP} {shlex.quote(str(program))}"
    done = hosts.ssh("h1", command)
    assert sorted(done.stdout.splitlines()) == ["0 h2 6", "1 h2 6", "2 h3 6", "3 h3 6"], done.stderr


@pytest.mark.requires("slurm", "openmpi")
def test_open_mpi_ranks_on_two_nodes_started_by_srun(slurm: Slurm, program: Path) -> None:
    options = ("-N2", "--ntasks-per-node=2", "-w", "h2,h3", "--mpi=pmix")
    lines = slurm.must("srun", *options, str(program), cwd=program.parent).splitlines()
    assert sorted(lines) == ["0 h2 6", "1 h2 6", "2 h3 6", "3 h3 6"]


@pytest.mark.requires("slurm", "mpi4py")
@pytest.mark.parametrize("launcher", ["srun", "hydra"])
def test_mpich_of_pypi_runs_ranks_on_two_nodes(slurm: Slurm, ranks: Path, launcher: str, requires: object) -> None:
    assert callable(requires)
    requires(has_mpich(), "package mpich is not installed: uv sync --extra mpi")
    python = f"{shlex.quote(sys.executable)} {shlex.quote(str(ranks))}"
    command = f"srun --mpi=pmi2 {python}" if launcher == "srun" else f"{shlex.quote(mpiexec())} -n 4 -ppn 2 {python}"
    out = ranks.with_name("out")
    options = ("--wait", "-N2", "--ntasks-per-node=2", "-w", "h2,h3", "-o", str(out))
    slurm.submit(command, *options, cwd=ranks.parent)
    assert out.read_text().splitlines() == [f"{rank} h{2 + rank // 2} MPICH" for rank in range(4)]
