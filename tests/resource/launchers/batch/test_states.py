from __future__ import annotations

from pathlib import Path

import pytest

from pilot_quantum.resource.allocation_state import AllocationState as S
from pilot_quantum.resource.launchers.batch import reasons
from pilot_quantum.resource.launchers.batch.states import OPENPBS, SLURM, SLURM_SHORT, TORQUE, UNKNOWN, slurm_state

# As the manual of squeue lists them, section JOB STATE CODES.
DOCUMENTED = {
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
    "SI": "SIGNALING",
    "SE": "SPECIAL_EXIT",
    "SO": "STAGE_OUT",
    "ST": "STOPPED",
    "S": "SUSPENDED",
    "TO": "TIMEOUT",
}


def test_every_documented_state_of_slurm_is_in_the_table_long_and_short():
    for short, full in DOCUMENTED.items():
        assert SLURM_SHORT[short] == full
        assert slurm_state(short) == slurm_state(full) == SLURM[full] != UNKNOWN


@pytest.mark.parametrize(
    ("words", "allocation"),
    [
        (("CF",), S.STARTING),
        (("CG",), S.COMPLETING),
        (("COMPLETING", "FAILED"), S.COMPLETING),
        (("RUNNING", "COMPLETING"), S.COMPLETING),
        (("RUNNING,COMPLETING",), S.COMPLETING),
        (("RUNNING", "CONFIGURING"), S.STARTING),
        (("PENDING", "REQUEUED"), S.PENDING),
        (("PD",), S.PENDING),
        (("CANCELLED by 0",), S.ENDED),
        (("CANCELLED+",), S.ENDED),
        (("SUSPENDED",), S.RUNNING),
        (("MADE_UP",), S.UNKNOWN),
        (("",), S.UNKNOWN),
    ],
)
def test_slurms_words_give_the_state_of_the_allocation(words, allocation):
    assert slurm_state(*words).allocation is allocation


def test_only_an_end_in_good_order_or_at_the_time_limit_is_no_fault():
    assert {name for name, state in SLURM.items() if state.ended and not state.failed} == {"COMPLETED", "TIMEOUT"}


def test_a_requeued_job_is_told_from_one_that_waits():
    assert slurm_state("PENDING", "REQUEUED").requeued
    assert not slurm_state("PENDING").requeued
    assert slurm_state("RH").stuck


def test_the_letters_of_both_pbs_are_complete():
    assert set(OPENPBS) == set("BEFHMQRSTUWX")
    assert set(TORQUE) == set("CEHQRSTW")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("PartitionNodeLimit", "PartitionNodeLimit"),
        ("(PartitionTimeLimit)", "PartitionTimeLimit"),
        ("BadConstraints", "BadConstraints"),
        ("AccountNotAllowed", "AccountNotAllowed"),
        ("QOSMaxNodePerJobLimit", "QOSMaxNodePerJobLimit"),
        ("AssocMaxWallDurationPerJobLimit", "AssocMaxWallDurationPerJobLimit"),
        ("JobHeldUser", "JobHeldUser"),
    ],
)
def test_a_reason_that_cannot_clear_comes_with_advice(reason, code):
    assert reasons.stuck(reason) == reasons.STUCK[code]


@pytest.mark.parametrize(
    "reason",
    [
        "Resources",
        "Priority",
        "BeginTime",
        "ReqNodeNotAvail, UnavailableNodes:h4",
        "PartitionDown",
        "QOSGrpCpuLimit",
        "QOSMaxJobsPerUserLimit",
        "AssocGrpGRESMinutes",
        "MaxGRESPerAccount",
        "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
        "SomethingNew",
        "",
    ],
)
def test_every_other_reason_is_waited_for(reason):
    assert reasons.stuck(reason) == ""


def test_every_reason_of_slurm_is_decided():
    every = Path(__file__).with_name("slurm_reasons.txt").read_text().split()
    assert len(every) > 150
    assert [reason for reason in every if not reasons.known(reason)] == []


def test_no_reason_is_in_both_tables():
    assert not set(reasons.STUCK) & reasons.CLEARS
