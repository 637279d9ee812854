"""A job script for Slurm."""

from __future__ import annotations

from pilot_quantum.resource.launchers.batch.amounts import mebibytes, slurm_clock
from pilot_quantum.resource.launchers.batch.script import Job, render

PREFIX = "#SBATCH"

OVERRIDING = (
    "SBATCH_ACCOUNT",
    "SBATCH_ARRAY_INX",
    "SBATCH_CONSTRAINT",
    "SBATCH_ERROR",
    "SBATCH_EXCLUSIVE",
    "SBATCH_GRES",
    "SBATCH_JOB_NAME",
    "SBATCH_MEM_PER_CPU",
    "SBATCH_MEM_PER_NODE",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_PARTITION",
    "SBATCH_QOS",
    "SBATCH_RESERVATION",
    "SBATCH_TIMELIMIT",
    "SBATCH_WAIT",
    "SLURM_HINT",
)
"""Variables of the environment that take precedence over what a script says."""


def slurm_script(job: Job) -> str:
    """The script. Whole nodes where no number of cores is given. Requeueing is as the site has it."""
    asked = job.description
    directives = [
        f"--job-name={job.name}",
        f"--output={_pattern(job.output)}",
        f"--error={_pattern(job.errors)}",
        "--open-mode=append",
        f"--nodes={job.nodes}",
        "--ntasks-per-node=1",
    ]
    if asked.cores is None:
        directives.append("--exclusive")
    else:
        directives.append(f"--cpus-per-task={asked.cores}")
    if asked.memory is not None:
        directives.append(f"--mem={mebibytes(asked.memory)}M")
    elif asked.cores is None:
        directives.append("--mem=0")
    devices = [f"{name}:{count}" for name, count in (("gpu", asked.gpus), ("qpu", asked.qpus)) if count]
    if devices:
        directives.append(f"--gres={','.join(devices)}")
    if asked.walltime is not None:
        directives.append(f"--time={slurm_clock(asked.walltime)}")
    named = {
        "partition": asked.queue,
        "account": asked.account,
        "qos": asked.qos,
        "constraint": asked.constraint,
        "reservation": asked.reservation,
        "licenses": asked.licences,
    }
    directives += [f"--{option}={value}" for option, value in named.items() if value]
    return render(job, directives, PREFIX)


def overridden(job: Job) -> list[str]:
    """The variables that would override what the script says: unset for what it says, left to the site otherwise."""
    asked = job.description
    silent = {
        "SBATCH_ACCOUNT": asked.account,
        "SBATCH_CONSTRAINT": asked.constraint,
        "SBATCH_GRES": asked.gpus or asked.qpus,
        "SBATCH_PARTITION": asked.queue,
        "SBATCH_QOS": asked.qos,
        "SBATCH_RESERVATION": asked.reservation,
        "SBATCH_TIMELIMIT": asked.walltime,
    }
    return [name for name in OVERRIDING if silent.get(name, True)]


def _pattern(path: str) -> str:
    """A path in quotes of sbatch's own parser; "%" starts a pattern there."""
    escaped = path.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
