"""Why Slurm lets a job wait, and whether that can clear by itself.

The table holds the reasons for which nothing that others do will start the job: only a change of the request, or an
administrator, will. Every other documented reason clears with time (`CLEARS`), and so does, to be on the safe side,
one that is in neither table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SMALLER = "ask for less of it"
_ASSOCIATION = "the request is larger than your account's limit for one job; ask for less, or use another account"
_QOS = "the request is larger than its QOS allows one job; ask for less, or give another qos"
_LEAST = "the request is smaller than the least that its QOS allows; ask for more, or give another qos"

STUCK: Mapping[str, str] = {
    "AccountNotAllowed": "the partition does not admit this account; give another account or partition",
    "BadConstraints": "no node can ever meet the request; change constraint, cores, gpus or memory",
    "BurstBufferOperation": "its burst buffer failed; see the directive that asks for it",
    "Constraints": "no node can ever meet the request; change constraint, cores, gpus or memory",
    "DeadLine": "it cannot end before the deadline that a directive gives; change walltime or the deadline",
    "DependencyNeverSatisfied": "the job that a directive makes it wait for will never end as asked",
    "InvalidAccount": "there is no such account; give another",
    "InvalidQOS": "there is no such QOS, or it is not yours; give another",
    "JobHeldAdmin": "an administrator holds it; ask them",
    "JobHeldUser": "it is held by its user, by a directive or `scontrol hold`; leave that out",
    "JobHoldMaxRequeue": "it has been requeued too often, and is held",
    "JobLaunchFailure": "it could not be launched on its nodes, and is held; tell an administrator",
    "MaxMemPerLimit": f"a node may not give one job that much memory; {_SMALLER}",
    "PartitionConfig": "the partition has not so many nodes, or none of that kind; ask for fewer, or name another",
    "PartitionNodeLimit": "the partition does not give one job so many nodes; ask for fewer, or name another partition",
    "PartitionTimeLimit": "walltime is beyond the partition's limit; ask for less, or name another partition",
    "QOSNotAllowed": "the partition does not admit this QOS; give another qos or partition",
    "QOSTimeLimit": "walltime is beyond its QOS's limit; ask for less, or give another qos",
    "AssociationTimeLimit": "walltime is beyond your account's limit; ask for less",
    "ReservationDeleted": "its reservation has been deleted; give another",
    "ReservationInvalid": "its reservation cannot be used; give another",
    "SystemFailure": "Slurm itself, a file system or a node failed, and the job is held; tell an administrator",
    **dict.fromkeys(
        [f"AssocMax{what}PerJob" for what in ("BB", "Billing", "Energy", "GRES", "License", "Mem", "Unknown")]
        + [f"AssocMax{what}PerNode" for what in ("BB", "Billing", "Cpu", "Energy", "GRES", "Mem", "Unknown")]
        + [
            f"AssocMax{what}MinutesPerJob"
            for what in ("BB", "Billing", "Energy", "GRES", "License", "Mem", "Node", "Unknown")
        ]
        + ["AssocMaxCPUMinutesPerJobLimit", "AssocMaxCpuMinutesPerJobLimit", "AssocMaxCpuPerJobLimit"]
        + ["AssocMaxNodePerJobLimit", "AssocMaxWallDurationPerJobLimit"],
        _ASSOCIATION,
    ),
    **dict.fromkeys(
        [f"QOSMax{what}PerJob" for what in ("BB", "Billing", "Energy", "GRES", "License", "Memory", "Unknown")]
        + [f"QOSMax{what}PerNode" for what in ("BB", "Billing", "Cpu", "Energy", "GRES", "Memory", "Unknown")]
        + [
            f"QOSMax{what}MinutesPerJob"
            for what in ("BB", "Billing", "Energy", "GRES", "License", "Memory", "Node", "Unknown")
        ]
        + ["QOSMaxCPUMinutesPerJobLimit", "QOSMaxCpuMinutesPerJobLimit", "QOSMaxCpuPerJobLimit"]
        + ["QOSMaxNodePerJobLimit", "QOSMaxWallDurationPerJobLimit"],
        _QOS,
    ),
    **dict.fromkeys(
        ["QOSMinCpuNotSatisfied"]
        + [f"QOSMin{what}" for what in ("BB", "Billing", "Energy", "GRES", "License", "Memory", "Node", "Unknown")],
        _LEAST,
    ),
}
"""Reason -> what it means and what to do."""

_WORDS = """
None Prolog Priority Dependency Resources PartitionDown PartitionInactive BeginTime Licenses
AssociationJobLimit AssociationResourceLimit Reservation ReqNodeNotAvail FrontEndDown SchedDefer NodeDown
NonZeroExitCode RaisedSignal TimeLimit InactiveLimit QOSUsageThreshold QOSJobLimit QOSResourceLimit Cleaning
JobArrayTaskLimit BurstBufferResources BurstBufferStageIn PowerNotAvail PowerReserved AccountingPolicy
FedJobLock OutOfMemory AssocMaxJobsLimit AssocMaxSubmitJobLimit QOSMaxJobsPerUserLimit
QOSMaxSubmitJobPerUserLimit MaxJobsPerAccount MaxSubmitJobsPerAccount QOSMaxCpuPerUserLimit
QOSMaxNodePerUserLimit QOSGrpCpuLimit QOSGrpMemLimit QOSGrpNodeLimit QOSGrpJobsLimit QOSGrpSubmitJobsLimit
QOSGrpWallLimit QOSGrpCPUMinutesLimit QOSGrpCPURunMinutesLimit AssocGrpCpuLimit AssocGrpMemLimit
AssocGrpNodeLimit AssocGrpJobsLimit AssocGrpSubmitJobsLimit AssocGrpWallLimit AssocGrpCPUMinutesLimit
AssocGrpCPURunMinutesLimit
"""
_SINGLE = _WORDS.split()
_RESOURCES = ("BB", "Billing", "Cpu", "CPU", "Energy", "GRES", "License", "Mem", "Memory", "Node", "Unknown")
CLEARS: frozenset[str] = frozenset(
    _SINGLE
    + [f"{owner}Grp{what}{span}" for owner in ("Assoc", "QOS") for what in _RESOURCES for span in ("", "Minutes")]
    + [f"{owner}Grp{what}RunMinutes" for owner in ("Assoc", "QOS") for what in _RESOURCES]
    + [f"QOSMax{what}PerUser" for what in _RESOURCES]
    + [f"Max{what}PerAccount" for what in _RESOURCES]
)
"""Reasons that end when others' jobs do, when a node, a partition or a reservation comes back, or with the time.

Limits on what an account or a QOS uses together (`Grp`, `PerUser`, `PerAccount`) clear as its other jobs end. Limits
in minutes clear when the site's accounting period begins anew, which may take weeks: `pending` says the reason.
"""

IN_DOUBT = "PartitionNodeLimit"
"""A reason that Slurm may also give while nodes of the partition are down: to be held against its limits."""


def stuck(reason: str) -> str:
    """What to do about a job that waits for this reason, where waiting does not help; else empty."""
    return STUCK.get(_word(reason), "")


def known(reason: str) -> bool:
    """Whether the reason is in one of the tables."""
    return _word(reason) in STUCK or _word(reason) in CLEARS


def in_doubt(reason: str) -> bool:
    """Whether the reason alone is no verdict."""
    return _word(reason) == IN_DOUBT


def _word(reason: str) -> str:
    """The code in what Slurm prints: "ReqNodeNotAvail, UnavailableNodes:h4" or "(Resources)"."""
    return re.split(r"[,\s(]", reason.strip().lstrip("("), maxsplit=1)[0].rstrip(")")
