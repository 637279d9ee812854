"""Job scripts for PBS, in its two dialects."""

from __future__ import annotations

import shlex

from pilot_quantum.resource.launchers.batch.amounts import mebibytes, pbs_clock
from pilot_quantum.resource.launchers.batch.script import Job, render

PREFIX = "#PBS"


def openpbs_script(job: Job) -> str:
    """The script for OpenPBS and PBS Pro: chunks of a node each, spread over as many nodes."""
    asked = job.description
    chunk = [f"select={job.nodes}"]
    if asked.cores is not None:
        chunk.append(f"ncpus={asked.cores}")
    chunk.append("mpiprocs=1")
    if asked.memory is not None:
        chunk.append(f"mem={mebibytes(asked.memory)}mb")
    chunk += [f"{name}={count}" for name, count in (("ngpus", asked.gpus), ("nqpus", asked.qpus)) if count]
    if asked.constraint:
        chunk.append(asked.constraint)
    place = "scatter:excl" if asked.cores is None else "scatter"
    return _script(job, [f"-l {':'.join(chunk)}", f"-l place={place}"])


def torque_script(job: Job) -> str:
    """The script for Torque. Without a number of cores it asks for whole nodes as Torque and Moab do (`-n`)."""
    asked = job.description
    spec = [f"nodes={job.nodes}"]
    if asked.cores is not None:
        spec.append(f"ppn={asked.cores}")
    if asked.gpus:
        spec.append(f"gpus={asked.gpus}")
    if asked.qpus:
        spec.append(f"qpus={asked.qpus}")
    if asked.constraint:
        spec.append(asked.constraint)
    directives = [f"-l {':'.join(spec)}"]
    if asked.cores is None:
        directives.append("-n")
    if asked.memory is not None:
        directives.append(f"-l pmem={mebibytes(asked.memory)}mb")
    return _script(job, directives)


def _script(job: Job, directives: list[str]) -> str:
    asked = job.description
    directives = [f"-N {job.name}", *directives]
    if asked.walltime is not None:
        directives.append(f"-l walltime={pbs_clock(asked.walltime)}")
    if asked.licences:
        directives.append(f"-l {asked.licences.replace(':', '=')}")
    named = {"-q": asked.queue, "-A": asked.account}
    directives += [f"{option} {value}" for option, value in named.items() if value]
    # The system keeps a job's own output until its end, and some commands ignore -o: so it is redirected here.
    redirection = f"exec >>{shlex.quote(job.output)} 2>>{shlex.quote(job.errors)}"
    return render(job, directives, PREFIX, [redirection])
