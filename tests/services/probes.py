"""What the tests' services need of a machine: each function returns "" where it is there, else what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache

from tests.services.running import PATH

REMEDY = "run `make services` as root on Debian"


def commands(*names: str) -> str:
    """Whether the system has these commands; those for administrators count too."""
    missing = [name for name in names if shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATH}") is None]
    return f"no command {', '.join(missing)}: {REMEDY}" if missing else ""


@cache
def hosts() -> str:
    """Hosts in namespaces, with sshd."""
    if os.geteuid() != 0:
        return "virtual hosts need root: run the tests as root in a container or a virtual machine"
    if missing := commands("ip", "unshare", "nsenter", "setpriv", "mount", "sshd", "ssh", "ssh-keygen"):
        return missing
    trial = subprocess.run(
        ["unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        return f"no namespaces here ({trial.stderr.strip()}): a container needs --privileged"
    return ""


def slurm() -> str:
    """A Slurm over these hosts."""
    return hosts() or commands("slurmctld", "slurmd", "munged", "sbatch", "srun")


def torque() -> str:
    """PBS commands (Torque's) over this Slurm."""
    return slurm() or commands("qsub", "qstat", "qdel")


def openmpi() -> str:
    """The system's Open MPI."""
    return commands("mpirun.openmpi", "mpicc.openmpi", "gcc")


PROBES: dict[str, Callable[[], str]] = {"hosts": hosts, "openmpi": openmpi, "slurm": slurm, "torque": torque}
