"""How ranks are started on the nodes of a gang: by srun inside a Slurm job, else by the mpiexec that fits.

Over several nodes mpiexec needs somebody who starts its daemons there. That is the agent, in the place of rsh.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pilot_quantum.errors import MPIError
from pilot_quantum.resource.agent import reach
from pilot_quantum.workload.mpi.family import MPIEXEC, OPENMPI, launcher, outside, spoken

_ALLOCATION = re.compile(r"SLURM_(CONF|JWT|CLUSTER_NAME|JOBID|JOB_.*)$")
"""What srun must know of a job. The rest describes the step in which this task runs, and is not for another."""
_FAREWELL = 10.0
"""Seconds for srun to end its ranks."""
_NAME = re.compile(r"(?!OMPI_)[A-Za-z_][A-Za-z_0-9]*$")
_PLUGINS = {OPENMPI: ("pmix",)}
_PLUGINS_ELSE = ("pmi2", "pmix")


@dataclass(frozen=True, slots=True)
class Gang:
    """Where the ranks go: host names in order (one host: this one), and how many ranks there are."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    ranks: int

    @property
    def per_host(self) -> int:
        """Ranks on a host; the last may have fewer."""
        return -(-self.ranks // len(self.hosts))

    def shares(self) -> list[int]:
        """Ranks on each host."""
        full = self.per_host
        return [max(0, min(full, self.ranks - index * full)) for index in range(len(self.hosts))]

    def slots(self) -> str:
        """The hosts as mpiexec takes them, by addresses: names need not mean the same to all."""
        return ",".join(f"{address}:{share}" for address, share in zip(self.addresses, self.shares(), strict=True))


@dataclass(frozen=True, slots=True)
class Launch:
    """A launcher's command line, to be followed by what each rank runs, and its environment.

    farewell: seconds to wait for it when it is told to end: srun does the rest then; what an mpiexec has started ends
    with it in any case.
    """

    argv: list[str]
    environ: dict[str, str]
    farewell: float = 0.0


def gang_here(ranks: int, environ: Mapping[str, str]) -> Gang:
    """The gang that this task leads, as its worker's environment says."""
    hosts = tuple(filter(None, environ.get("PILOT_QUANTUM_HOSTS", "").split(",")))
    addresses = tuple(filter(None, environ.get("PILOT_QUANTUM_ADDRESSES", "").split(",")))
    return Gang(hosts or ("localhost",), addresses or ("127.0.0.1",), ranks)


def launch(
    gang: Gang, environ: Mapping[str, str], program: str | None, folder: Path, added: Mapping[str, str]
) -> Launch:
    """How to start `program` (None: a Python function) on these hosts.

    environ: of the task; `added`: what the ranks' shall have besides. folder: for what the launcher needs.

    Raises MPIError.
    """
    family = spoken(program)
    chosen = environ.get(MPIEXEC, "")
    several = len(gang.hosts) > 1
    if several and "SLURM_JOB_ID" in environ and not chosen:
        plugin = _plugin(family or launcher()[0])
        if plugin:
            return _srun(gang, environ, plugin, added)
    family, mpiexec = launcher(chosen, family)
    rsh = _rsh(gang, environ, folder) if several else None
    own = outside(environ) | dict(added)
    start = _open_mpi(gang, rsh, own) if family == OPENMPI else _hydra(gang, rsh)
    return Launch([mpiexec, *start], own)


def _srun(gang: Gang, environ: Mapping[str, str], plugin: str, added: Mapping[str, str]) -> Launch:
    argv = [
        "srun",
        f"--mpi={plugin}",
        "--overlap",
        "--overcommit",
        "--mem=0",
        "--kill-on-bad-exit=1",
        f"--nodes={len(gang.hosts)}",
        f"--ntasks={gang.ranks}",
        f"--ntasks-per-node={gang.per_host}",
        "--distribution=block",
        "--cpu-bind=none",
        f"--nodelist={','.join(gang.hosts)}",
    ]
    job = {name: value for name, value in environ.items() if _ALLOCATION.match(name)}
    return Launch(argv, outside(environ) | job | dict(added), _FAREWELL)


def _hydra(gang: Gang, rsh: str | None) -> list[str]:
    if rsh is None:
        return ["-rmk", "user", "-launcher", "fork", "-n", str(gang.ranks)]
    start = ["-rmk", "user", "-launcher", "ssh", "-launcher-exec", rsh, "-localhost", gang.addresses[0]]
    return [*start, "-hosts", gang.slots(), "-n", str(gang.ranks)]


def _open_mpi(gang: Gang, rsh: str | None, environ: Mapping[str, str]) -> list[str]:
    start = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    if rsh is not None:
        # Its daemons stay in sight, and are all started from here.
        start += ["--leave-session-attached", "--mca", "plm", "rsh", "--mca", "plm_rsh_no_tree_spawn", "1"]
        # By way of sh: on every host its daemons look whether there is such a program.
        start += ["--mca", "plm_rsh_agent", f"/bin/sh {rsh}", "-H", gang.slots()]
        # The others hand all of the environment on by themselves.
        start += [word for name in environ if _NAME.match(name) for word in ("-x", name)]
    return [*start, "--oversubscribe", "--bind-to", "none", "-n", str(gang.ranks)]


def _rsh(gang: Gang, environ: Mapping[str, str], folder: Path) -> str:
    """A program that launchers can use like rsh."""
    if reach.AGENT not in environ:
        raise MPIError(
            f"ranks on {len(gang.hosts)} hosts ({', '.join(gang.hosts)}) are started by srun or by this pilot's "
            "agents, and there is neither. Use one host: ranks_per_node=ranks."
        )
    path = folder / "rsh"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {shlex.quote(reach.__file__)} "$@"\n')
    path.chmod(0o700)
    return str(path)


def _plugin(family: str) -> str:
    """What srun is to speak with ranks of this family; empty where it cannot."""
    there = _plugins()
    return next((name for name in _PLUGINS.get(family, _PLUGINS_ELSE) if name in there), "")


@cache
def _plugins() -> frozenset[str]:
    srun = shutil.which("srun")
    if srun is None:
        return frozenset()
    answer = subprocess.run([srun, "--mpi=list"], capture_output=True, text=True, check=False)
    return frozenset((answer.stdout + answer.stderr).split())


def program(ranks: int, script: Sequence[str] | None) -> list[str]:
    """What each rank runs, around the user's program: `script`, or the function that the ranks are given."""
    wrapper = str(Path(__file__).with_name("rank.py"))
    inner = list(script) if script else [sys.executable, "-m", "pilot_quantum.workload.mpi.function", str(ranks)]
    return [sys.executable, wrapper, "--", *inner]
