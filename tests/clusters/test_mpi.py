"""MPI ranks on two real hosts: started by srun, or by mpiexec through our agents where there is no srun."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from importlib import import_module
from pathlib import Path

import pytest
from tests.clusters.conftest import LIMIT, Platform, until
from tests.services.hosts import Hosts
from tests.services.processes import leftovers, remaining

import pilot_quantum as pq
from pilot_quantum.errors import MPIError

pytestmark = pytest.mark.requires("slurm", "mpi4py")

SLURM = "slurm:///normal?nodes=2&cores=2&walltime=10m&engine=processes"
SSH = "ssh://h2,h3?cores=2&engine=processes"
BOTH = pytest.mark.parametrize("url", [SLURM, SSH], ids=["slurm", "ssh"])
OPEN_MPI = "export MPI4PY_LIBMPI=libmpi.so.40"
NO_SRUN = "export PILOT_QUANTUM_MPIEXEC="

EXAMPLES = Path(__file__).parents[2] / "examples"


def where(more: int) -> list[tuple[int, str, int]]:
    """Every rank, its host, and a number that came from rank 0."""
    import socket

    from mpi4py import MPI

    world = MPI.COMM_WORLD
    number = world.bcast(more if world.Get_rank() == 0 else None)
    return world.gather((world.Get_rank(), socket.gethostname(), number)) or []


def sizes(data: bytes) -> list[int]:
    """How much of it every rank has."""
    from mpi4py import MPI

    return MPI.COMM_WORLD.gather(len(data)) or []


def vendor() -> str:
    """Whose MPI library it is."""
    from mpi4py import MPI

    return str(MPI.get_vendor()[0])


def mpich() -> str:
    import sys

    return str(Path(sys.prefix, "bin", "mpiexec"))


WAYS = {
    "slurm, srun": (SLURM, "MPICH", ()),
    "slurm, hydra": (SLURM, "MPICH", (NO_SRUN + mpich(),)),
    "slurm, srun, Open MPI": (SLURM, "Open MPI", (OPEN_MPI,)),
    "slurm, mpirun, Open MPI": (SLURM, "Open MPI", (OPEN_MPI, NO_SRUN + "mpirun.openmpi")),
    "ssh, hydra": (SSH, "MPICH", ()),
    "ssh, mpirun, Open MPI": (SSH, "Open MPI", (OPEN_MPI,)),
}


@pytest.mark.requires("openmpi")
@pytest.mark.parametrize("way", WAYS)
def test_ranks_on_two_hosts_see_each_other(platform: Callable[[], Platform], way: str) -> None:
    url, library, setup = WAYS[way]
    session = platform().session
    session.add_pilot(url, setup=setup)
    future = session.submit_mpi(where, 7, ranks=4, ranks_per_node=2)
    assert future.result(LIMIT) == [(0, "h2", 7), (1, "h2", 7), (2, "h3", 7), (3, "h3", 7)]
    assert session.submit_mpi(vendor, ranks=2, ranks_per_node=1).result(LIMIT) == library
    large = bytes(range(256)) * 8000
    assert session.submit_mpi(sizes, large, ranks=4, ranks_per_node=2).result(LIMIT) == [len(large)] * 4
    one = session.submit_mpi(where, 8, ranks=2).result(LIMIT)  # on one host, by that library's mpiexec
    assert [(rank, number) for rank, _, number in one] == [(0, 8), (1, 8)]
    assert len({host for _, host, _ in one}) == 1


@BOTH
def test_a_state_vector_over_two_hosts_is_that_of_one_process(
    platform: Callable[[], Platform], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = import_module("mpi_state_vector")
    session = platform().session
    session.add_pilot(url, setup=[f"export PYTHONPATH={EXAMPLES}:$PYTHONPATH"])
    found = session.submit_mpi(example.expectations, 10, 2, ranks=4, ranks_per_node=2).result(LIMIT)
    assert found == pytest.approx(example.reference(10, 2), abs=1e-12)


@BOTH
def test_a_script_goes_to_hosts_that_do_not_have_it(
    platform: Callable[[], Platform], hosts: Hosts, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    script = folder / "solver.py"
    script.write_text(
        "import socket, sys\nfrom mpi4py import MPI\nrank = MPI.COMM_WORLD.Get_rank()\n"
        "print(rank, socket.gethostname(), sys.argv[1:])\nprint('careful', rank, file=sys.stderr)\n"
    )
    session = platform().session
    session.add_pilot(url)
    with hosts.cover("h3", folder):
        result = session.submit_mpi(script, "fast", ranks=4, ranks_per_node=2).result(LIMIT)
    assert result == pq.MPIResult(
        (0, 0, 0, 0),
        tuple(f"{rank} h{2 + rank // 2} ['fast']\n" for rank in range(4)),
        tuple(f"careful {rank}\n" for rank in range(4)),
    )


@BOTH
def test_a_rank_that_fails_on_another_host_is_heard(platform: Callable[[], Platform], url: str) -> None:
    def unlucky() -> None:
        from mpi4py import MPI

        if MPI.COMM_WORLD.Get_rank() == 3:
            raise ValueError("a singular matrix")
        MPI.COMM_WORLD.Barrier()  # for ever, were the others not ended

    session = platform().session
    session.add_pilot(url)
    future = session.submit_mpi(unlucky, ranks=4, ranks_per_node=2)
    with pytest.raises(MPIError, match=r"(?s)rank 3 of 4 exited with code 1.*ValueError: a singular matrix"):
        future.result(LIMIT)
    assert session.submit_mpi(where, 1, ranks=4, ranks_per_node=2).result(LIMIT)[3] == (3, "h3", 1)


@BOTH
@pytest.mark.parametrize("end", ["cancelled", "timed out", "its pilot is cancelled"])
def test_no_rank_outlives_its_task_on_any_host(
    platform: Callable[[], Platform], url: str, end: str, tmp_path: Path
) -> None:
    script = tmp_path / "deadlock.py"
    script.write_text(
        "import sys\nfrom mpi4py import MPI\nworld = MPI.COMM_WORLD\n"
        "open(f'{sys.argv[1]}.{world.Get_rank()}', 'w').close()\nworld.recv(source=(world.Get_rank() + 1) % 4)\n"
    )
    session = platform().session
    pilot = session.add_pilot(url)
    token = tmp_path / f"begun-{time.monotonic_ns()}"
    options = {"timeout": 8.0} if end == "timed out" else {}
    future = session.with_options(**options).submit_mpi(script, str(token), ranks=4, ranks_per_node=2)
    until(lambda: len(list(tmp_path.glob(f"{token.name}.*"))) == 4, "all ranks")
    spaces = {os.readlink("/proc/self/ns/pid")}
    assert len({process.namespace for process in leftovers(str(token))} - spaces) == 2, "they are on two hosts"
    if end == "cancelled":
        session.cancel(future)
        with pytest.raises(CancelledError):
            future.result(LIMIT)
    elif end == "timed out":
        with pytest.raises(pq.TaskTimeoutError):
            future.result(LIMIT)
    else:
        pilot.cancel()
    left = remaining(str(token))
    assert not left, "\n".join(map(str, left))


def test_a_gang_is_led_from_a_host_that_is_not_the_head(platform: Callable[[], Platform], tmp_path: Path) -> None:
    """Its ranks on yet another host are started by the agent there, which its own reaches through the head's."""

    def hold(gate: str) -> str:
        import socket

        while not Path(gate + socket.gethostname()).exists():
            time.sleep(0.02)
        return socket.gethostname()

    session = platform().session
    session.add_pilot("ssh://h2,h3,h4?cores=2&engine=processes")
    gate = tmp_path / "gate-"
    held = [session.submit(hold, str(gate)) for _ in range(6)]
    until(lambda: all(future.running() for future in held), "six tasks that run")
    gang = session.submit_mpi(where, 5, ranks=4, ranks_per_node=2)
    for host in ("h3", "h4"):
        Path(f"{gate}{host}").touch()
    assert gang.result(LIMIT) == [(0, "h3", 5), (1, "h3", 5), (2, "h4", 5), (3, "h4", 5)]
    Path(f"{gate}h2").touch()
    assert sorted(future.result(LIMIT) for future in held) == ["h2", "h2", "h3", "h3", "h4", "h4"]
