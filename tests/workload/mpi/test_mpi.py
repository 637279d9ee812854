"""MPI programs on one host: real ranks, real messages, and every way for them to fail."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import psutil
import pytest

import pilot_quantum as pq
from pilot_quantum.errors import MPIError
from pilot_quantum.workload.mpi.command import Gang, launch

LIMIT = 60.0

pytestmark = pytest.mark.requires("mpi4py")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[pq.Session]:
    with pq.Session(tmp_path / "session") as session:
        session.add_pilot("local://?cores=4")
        yield session


def _pi(intervals: int) -> float:
    """The integral of 4/(1+x²) from 0 to 1 by the midpoint rule, each rank its share."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    width = 1.0 / intervals
    mine = range(world.Get_rank(), intervals, world.Get_size())
    part = sum(4.0 / (1.0 + ((index + 0.5) * width) ** 2) for index in mine) * width
    return float(world.allreduce(part))


def test_a_function_gives_the_value_of_rank_0(session):
    future = session.submit_mpi(_pi, 1000, ranks=4)
    assert future.result(LIMIT) == pytest.approx(3.14159273692, abs=1e-9)


def test_what_a_function_needs_travels_with_it_also_a_future(session):
    factor = 3

    def ranks(data: list[int], *, more: int) -> list[int]:
        from mpi4py import MPI

        return [factor * value + more for value in MPI.COMM_WORLD.allgather(data[MPI.COMM_WORLD.Get_rank()])]

    inputs = session.submit(lambda: [1, 2])
    assert session.submit_mpi(ranks, inputs, ranks=2, more=10).result(LIMIT) == [13, 16]


def test_a_large_value_arrives_whole(session):
    def large() -> bytes:
        return bytes(range(256)) * 20_000

    assert session.submit_mpi(large, ranks=2).result(LIMIT) == bytes(range(256)) * 20_000


def test_a_script_leaves_exit_codes_and_output_by_rank(session, tmp_path):
    script = tmp_path / "solver.py"
    script.write_text(
        "import sys\nfrom mpi4py import MPI\nrank = MPI.COMM_WORLD.Get_rank()\n"
        "print('rank', rank, sys.argv[1:])\nprint('careful', rank, file=sys.stderr)\n"
    )
    result = session.submit_mpi(str(script), "fast", 3, ranks=3).result(LIMIT)
    assert result == pq.MPIResult(
        (0, 0, 0),
        tuple(f"rank {rank} ['fast', '3']\n" for rank in range(3)),
        tuple(f"careful {rank}\n" for rank in range(3)),
    )


def test_a_rank_that_raises_fails_the_future_in_its_own_words(session):
    def unlucky() -> None:
        from mpi4py import MPI

        if MPI.COMM_WORLD.Get_rank() == 1:
            raise ValueError("a singular matrix")
        MPI.COMM_WORLD.Barrier()  # for ever, were the others not ended

    with pytest.raises(MPIError, match=r"(?s)rank 1 of 2 exited with code 1.*ValueError: a singular matrix"):
        session.submit_mpi(unlucky, ranks=2).result(LIMIT)


def test_a_rank_with_an_exit_code_fails_a_script(session, tmp_path):
    script = tmp_path / "solver.py"
    script.write_text("import os, sys\nprint('out of luck', file=sys.stderr, flush=True)\nos._exit(7)\n")
    with pytest.raises(MPIError, match=r"(?s)of 2 exited with code 7.*out of luck"):
        session.submit_mpi(script, ranks=2).result(LIMIT)


@pytest.mark.parametrize("end", ["cancelled", "timed out"])
def test_all_ranks_end_with_their_task(session, tmp_path, end):
    def wait_for_ever(folder: str) -> None:
        from mpi4py import MPI

        own = Path(folder, f"{MPI.COMM_WORLD.Get_rank()}")
        own.with_suffix(".new").write_text(str(os.getpid()))
        own.with_suffix(".new").rename(own)
        time.sleep(600)

    options = {} if end == "cancelled" else {"timeout": 5.0}
    future = session.submit_mpi(wait_for_ever, str(tmp_path), ranks=2, **options)
    deadline = time.monotonic() + LIMIT
    while len(list(tmp_path.glob("[01]"))) < 2:
        assert time.monotonic() < deadline, "the ranks have not begun"
        time.sleep(0.01)
    ranks = [psutil.Process(int((tmp_path / str(rank)).read_text())) for rank in range(2)]
    if end == "cancelled":
        session.cancel(future)
        with pytest.raises(CancelledError):
            future.result(LIMIT)
    else:
        with pytest.raises(pq.TaskTimeoutError):
            future.result(LIMIT)
    assert not psutil.wait_procs(ranks, timeout=LIMIT)[1]


def test_an_mpiexec_that_does_not_fit_is_noticed(session, tmp_path, monkeypatch):
    """Ranks that cannot see each other would compute four times the same, and call it an answer."""
    false = tmp_path / "mpiexec"
    false.write_text('#!/bin/sh\n[ "$1" = --version ] && echo HYDRA && exit\nshift 6\nPMI_RANK=0 exec "$@"\n')
    false.chmod(0o755)
    monkeypatch.setenv("PILOT_QUANTUM_MPIEXEC", str(false))
    session.add_pilot("local://?cores=2", name="other", capabilities=["other"])
    submitter = session.with_options()
    future = submitter.submit_mpi(_pi, 10, ranks=2, rank_needs=pq.Needs(capabilities={"other"}))
    with pytest.raises(MPIError, match="sees 1 ranks where 2 were started"):
        future.result(LIMIT)


PROGRAM = """
#include <mpi.h>
#include <stdio.h>
int main(int count, char **words) {
    int rank, sum;
    MPI_Init(&count, &words);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("%d of %s: %d\\n", rank, words[1], sum);
    return MPI_Finalize();
}
"""


@pytest.mark.requires("openmpi")
def test_a_program_gets_the_launcher_of_the_library_that_it_is_linked_to(session, tmp_path):
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(PROGRAM)
    subprocess.run(["mpicc.openmpi", "-o", program, source], check=True)
    result = session.submit_mpi(program, "C", ranks=3).result(LIMIT)
    assert result.exit_codes == (0, 0, 0)
    assert result.stdout == ("0 of C: 3\n", "1 of C: 3\n", "2 of C: 3\n")


@pytest.mark.requires("openmpi")
def test_mpi4py_with_another_library_gets_the_launcher_of_that(tmp_path, monkeypatch):
    monkeypatch.setenv("MPI4PY_LIBMPI", "libmpi.so.40")

    def vendor() -> list[str]:
        from mpi4py import MPI

        return MPI.COMM_WORLD.allgather(MPI.get_vendor()[0])

    with pq.Session(tmp_path / "session") as session:
        session.add_pilot("local://?cores=2")
        assert session.submit_mpi(vendor, ranks=2).result(LIMIT) == ["Open MPI"] * 2
        assert session.submit_mpi(_pi, 1000, ranks=2).result(LIMIT) == pytest.approx(3.14159273692, abs=1e-9)


def test_a_launcher_that_leaves_the_other_ranks_alone_is_ended(session, tmp_path, monkeypatch):
    """Over several hosts hydra waits for ever when a rank on another one has failed."""
    lax = tmp_path / "mpiexec"
    lax.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo HYDRA && exit\nshift 6\n'
        f"echo $$ > {tmp_path}/lax\n"
        'PMI_RANK=0 "$@" & PMI_RANK=1 exec "$@"\n'
    )
    lax.chmod(0o755)
    monkeypatch.setenv("PILOT_QUANTUM_MPIEXEC", str(lax))
    script = tmp_path / "solver.py"
    script.write_text(
        "import os, sys, time\nif os.environ['PMI_RANK'] == '0':\n    sys.exit('out of luck')\ntime.sleep(600)\n"
    )
    session.add_pilot("local://?cores=2", name="other", capabilities=["other"])
    future = session.submit_mpi(script, ranks=2, rank_needs=pq.Needs(capabilities={"other"}))
    with pytest.raises(MPIError, match="rank 0 of 2 exited with code 1, saying:\nout of luck"):
        future.result(LIMIT)
    assert not psutil.pid_exists(int((tmp_path / "lax").read_text()))


def test_a_launcher_that_is_none_is_named(session, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_MPIEXEC", "/bin/true")
    session.add_pilot("local://?cores=2", name="other", capabilities=["other"])
    future = session.submit_mpi(_pi, 10, ranks=2, rank_needs=pq.Needs(capabilities={"other"}))
    with pytest.raises(MPIError, match="PILOT_QUANTUM_MPIEXEC='/bin/true' is no mpiexec"):
        future.result(LIMIT)


def test_several_hosts_need_somebody_who_starts_ranks_there(tmp_path):
    gang = Gang(("h1", "h2"), ("10.0.0.1", "10.0.0.2"), 4)
    with pytest.raises(MPIError, match=r"ranks on 2 hosts \(h1, h2\) are started by srun or by this pilot's agents"):
        launch(gang, {}, None, tmp_path, {})
