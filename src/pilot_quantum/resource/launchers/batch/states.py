"""What batch systems call a job's state, and what each means for an allocation. One table per system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pilot_quantum.resource.allocation_state import AllocationState


@dataclass(frozen=True, slots=True)
class JobState:
    """A job's state: the allocation's, and for one that has ended whether that was a fault, and what happened.

    requeued: the system has taken it back into its queue; what ran is lost.
    stuck: it will wait for somebody's hand, so nothing is to be hoped from it.
    """

    allocation: AllocationState
    cause: str = ""
    failed: bool = False
    requeued: bool = False
    stuck: bool = False

    @property
    def ended(self) -> bool:
        """Whether the job is over."""
        return self.allocation is AllocationState.ENDED


_A = AllocationState
UNKNOWN = JobState(_A.UNKNOWN, "the batch system names a state that is not in our table")


def _over(cause: str, failed: bool = True) -> JobState:
    return JobState(_A.ENDED, cause, failed)


SLURM: Mapping[str, JobState] = {
    "PENDING": JobState(_A.PENDING),
    "REQUEUED": JobState(_A.PENDING, "requeued", requeued=True),
    "REQUEUE_FED": JobState(_A.PENDING, "requeued to another cluster of its federation", requeued=True),
    "REQUEUE_HOLD": JobState(_A.PENDING, "requeued and held", requeued=True, stuck=True),
    "SPECIAL_EXIT": JobState(_A.PENDING, "requeued and held, in the state SPECIAL_EXIT", requeued=True, stuck=True),
    "RESV_DEL_HOLD": JobState(_A.PENDING, "held, because its reservation was deleted", stuck=True),
    "CONFIGURING": JobState(_A.STARTING, "its nodes are being made ready"),
    "POWER_UP_NODE": JobState(_A.STARTING, "its nodes are being powered up"),
    "RUNNING": JobState(_A.RUNNING),
    "RESIZING": JobState(_A.RUNNING, "it is changing its size"),
    "SIGNALING": JobState(_A.RUNNING, "it is being signalled"),
    "SUSPENDED": JobState(_A.RUNNING, "suspended; its cores are lent to others"),
    "STOPPED": JobState(_A.RUNNING, "stopped; it keeps its cores"),
    "COMPLETING": JobState(_A.COMPLETING),
    "STAGE_OUT": JobState(_A.COMPLETING, "its files are being copied out"),
    "EXPEDITING": JobState(_A.PENDING, "requeued ahead of others", requeued=True),
    "COMPLETED": _over("its job has ended", failed=False),
    "TIMEOUT": _over("its time limit is over", failed=False),
    "CANCELLED": _over("its job was cancelled, not by this session"),
    "PREEMPTED": _over("preempted by another job"),
    "NODE_FAIL": _over("a node of it failed"),
    "BOOT_FAIL": _over("a node of it could not be booted"),
    "LAUNCH_FAILED": _over("its job could not be launched on its nodes"),
    "RECONFIG_FAIL": _over("a node of it could not be configured anew"),
    "OUT_OF_MEMORY": _over("its job was out of memory"),
    "DEADLINE": _over("its job was ended at its deadline"),
    "FAILED": _over("its job failed"),
    "REVOKED": _over("its job was taken away by another cluster of its federation"),
}
"""Slurm's states in full, as `scontrol`, `sacct` and `squeue -o %T` name them."""

SLURM_SHORT: Mapping[str, str] = {
    "BF": "BOOT_FAIL",
    "CA": "CANCELLED",
    "CD": "COMPLETED",
    "CF": "CONFIGURING",
    "CG": "COMPLETING",
    "DL": "DEADLINE",
    "EX": "EXPEDITING",
    "F": "FAILED",
    "LF": "LAUNCH_FAILED",
    "NF": "NODE_FAIL",
    "OOM": "OUT_OF_MEMORY",
    "PD": "PENDING",
    "PR": "PREEMPTED",
    "PU": "POWER_UP_NODE",
    "R": "RUNNING",
    "RD": "RESV_DEL_HOLD",
    "RF": "REQUEUE_FED",
    "RH": "REQUEUE_HOLD",
    "RQ": "REQUEUED",
    "RS": "RESIZING",
    "RV": "REVOKED",
    "SE": "SPECIAL_EXIT",
    "SI": "SIGNALING",
    "SO": "STAGE_OUT",
    "ST": "STOPPED",
    "S": "SUSPENDED",
    "TO": "TIMEOUT",
}
"""Slurm's short names (`squeue -o %t`) -> those in full."""

OPENPBS: Mapping[str, JobState] = {
    "B": JobState(_A.RUNNING, "its job array has begun"),
    "E": JobState(_A.COMPLETING),
    "F": _over("its job has ended", failed=False),
    "H": JobState(_A.PENDING, "held"),
    "M": _over("its job was moved to another server, where this session cannot follow it"),
    "Q": JobState(_A.PENDING),
    "R": JobState(_A.RUNNING),
    "S": JobState(_A.RUNNING, "suspended in favour of a job of higher priority"),
    "T": JobState(_A.PENDING, "being moved to another place"),
    "U": JobState(_A.RUNNING, "suspended while its machine is in use by somebody at the keyboard"),
    "W": JobState(_A.PENDING, "waiting for its time, or for its files"),
    "X": _over("its job has ended", failed=False),
}
"""OpenPBS's and PBS Pro's states; how a job in F ended is told by its exit status."""

TORQUE: Mapping[str, JobState] = {
    "C": _over("its job has ended", failed=False),
    "E": JobState(_A.COMPLETING),
    "H": JobState(_A.PENDING, "held"),
    "Q": JobState(_A.PENDING),
    "R": JobState(_A.RUNNING),
    "S": JobState(_A.RUNNING, "suspended"),
    "T": JobState(_A.PENDING, "being moved to another place"),
    "W": JobState(_A.PENDING, "waiting for its time"),
}
"""Torque's states, and those of its commands' stand-ins over other systems."""


def slurm_state(*words: str) -> JobState:
    """The state that Slurm names, with its flags, in full or in short: "CANCELLED by 0", "CG", "RUNNING+"; any order.

    A job that is `COMPLETING` has a base state too; then the cleaning up is not over.
    """
    states = [SLURM[name] for word in words for name in _slurm_names(word)]
    if not states:
        return UNKNOWN
    order = (_A.COMPLETING, _A.STARTING)
    for wanted in order:
        for state in states:
            if state.allocation is wanted:
                return state
    flagged = [state for state in states if state.requeued or state.stuck]
    return flagged[0] if flagged else states[0]


def _slurm_names(word: str) -> list[str]:
    bare = re.split(r"\s+by\s+", word.strip(), maxsplit=1)[0]
    names = [part.strip().rstrip("+*") for part in re.split(r"[,\s]+", bare)]
    full = [SLURM_SHORT.get(name.upper(), name.upper()) for name in names]
    return [name for name in full if name in SLURM]
