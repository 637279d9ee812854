"""Golden outputs: of Slurm as seen and as documented for later versions, of both PBS as their manuals show them."""

from __future__ import annotations

import json

import pytest

from pilot_quantum.resource.allocation_state import AllocationState as S
from pilot_quantum.resource.launchers.batch.pbs_output import dialect, qstat_full, qstat_json, server_name
from pilot_quantum.resource.launchers.batch.slurm_output import (
    longest,
    sacct_rows,
    scontrol_job,
    squeue_json,
    squeue_rows,
)
from pilot_quantum.resource.launchers.batch.system import BatchError


def test_a_job_whose_directory_its_node_does_not_see_says_what_to_do():
    ended = sacct_rows("7|FAILED|0:53|2026-01-01T00:00:00|JobLaunchFailure")
    assert ended is not None
    assert "directory=" in ended.exit


def test_squeue_in_our_format():
    text = (
        "8|RUNNING|2026-11-22T20:17:45|None\n"
        "11|PENDING|N/A|Nodes required for job are DOWN, DRAINED or reserved | in a partition\n"
        "12|PENDING|N/A|PartitionNodeLimit\n"
        "13|CG|2026-11-22T20:17:45|None\n"
        "slurm_load_jobs error: something\n"
    )
    reports = squeue_rows(text)
    assert {job: report.state.allocation for job, report in reports.items()} == {
        "8": S.RUNNING,
        "11": S.PENDING,
        "12": S.PENDING,
        "13": S.COMPLETING,
    }
    assert reports["11"].reason.endswith("| in a partition")
    assert reports["11"].hopeless == ""
    assert "ask for fewer" in reports["12"].hopeless


@pytest.mark.parametrize(
    "job",
    [
        {"job_state": "RUNNING", "restart_cnt": 1, "start_time": 17, "exit_code": 0},
        {
            "job_state": ["RUNNING"],
            "restart_cnt": 1,
            "start_time": {"set": True, "infinite": False, "number": 17},
            "exit_code": {"status": ["SUCCESS"], "return_code": {"set": True, "infinite": False, "number": 0}},
        },
    ],
    ids=["22.05", "23.11"],
)
def test_squeue_json_in_old_and_new_shape(job):
    (report,) = squeue_json(json.dumps({"jobs": [{"job_id": 8, "state_reason": "None", **job}]})).values()
    assert report.state.allocation is S.RUNNING
    assert report.run == "json:1/17"
    assert report.exit == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (256 * 3, "exit code 3"),
        (9, "signal 9"),
        (
            {"status": ["ERROR"], "return_code": {"set": True, "number": 3}, "signal": {"id": {"set": False}}},
            "exit code 3",
        ),
        ({"return_code": {"set": True, "number": 0}, "signal": {"id": {"set": True, "number": 9}}}, "signal 9"),
    ],
)
def test_exit_codes_of_json_are_told_in_words(code, words):
    (report,) = squeue_json(json.dumps({"jobs": [{"job_id": 8, "job_state": "FAILED", "exit_code": code}]})).values()
    assert report.exit == words


@pytest.mark.parametrize("text", ["", "error", "[]", '{"jobs": null', '{"meta": {}}'])
def test_what_is_no_json_is_no_verdict(text):
    with pytest.raises(BatchError):
        squeue_json(text)


def test_scontrol_tells_restarts_and_the_exit():
    text = (
        "JobId=10 JobName=pq\n   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)\n"
        "   Requeue=1 Restarts=1 BatchFlag=1 Reboot=0 ExitCode=3:0\n   StartTime=2026-11-22T20:21:07 EndTime=Unknown\n"
    )
    report = scontrol_job(text)
    assert report is not None
    assert report.state.failed
    assert report.reason == "NonZeroExitCode"
    assert report.exit == "exit code 3"
    assert report.run == "scontrol:1/2026-11-22T20:21:07"
    assert scontrol_job("slurm_load_jobs error: Invalid job id specified") is None


def test_sacct_gives_the_last_record():
    text = "7|REQUEUED|0:0|2026-11-22T20:17:45|None\n7|CANCELLED by 0|0:15|2026-11-22T20:18:45|None\n"
    report = sacct_rows(text)
    assert report is not None
    assert report.state.cause.startswith("its job was cancelled")
    assert report.exit == "signal 15"
    assert sacct_rows("") is None


# As in OpenPBS's design document of `qstat -F json`, with the attributes that its manual lists.
OPENPBS = {
    "timestamp": 1479277336,
    "pbs_version": "23.06.06",
    "pbs_server": "head",
    "Jobs": {
        "1.head": {
            "Job_Name": "pq-1",
            "job_state": "Q",
            "comment": "Not Running: Insufficient amount of resource: ncpus",
        },
        "2.head": {
            "job_state": "Q",
            "comment": "Can Never Run: Insufficient amount of server resource: ncpus (65 > 64)",
        },
        "3.head": {"job_state": "R", "run_count": 1, "stime": "Fri Nov 11 17:57:05 2016"},
        "4.head": {"job_state": "F", "run_count": 1, "Exit_status": 0, "comment": "Job run at Fri Nov 11 and finished"},
        "5.head": {"job_state": "F", "run_count": 1, "Exit_status": -29},
        "6.head": {"job_state": "F", "run_count": 1, "Exit_status": 271},
        "7.head": {"job_state": "F", "comment": "Job deleted before execution"},
        "8.head": {"job_state": "E", "run_count": 1},
        "9.head": {"job_state": "F", "run_count": 1, "Exit_status": 3},
        "10.head": {"job_state": "H", "Hold_Types": "s"},
        "11.head": {"job_state": "F", "run_count": 1, "Exit_status": -2},
    },
}


def test_qstat_of_openpbs_in_json():
    reports = {job.split(".")[0]: report for job, report in qstat_json(json.dumps(OPENPBS)).items()}
    assert {job: report.state.allocation for job, report in reports.items() if not report.state.ended} == {
        "1": S.PENDING,
        "2": S.PENDING,
        "3": S.RUNNING,
        "8": S.COMPLETING,
        "10": S.PENDING,
    }
    assert reports["1"].reason.startswith("Not Running")
    assert not reports["1"].hopeless
    assert reports["2"].hopeless
    assert reports["10"].hopeless
    assert [reports[job].state.failed for job in ["4", "5", "6", "7", "9", "11"]] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
    assert "time limit" in reports["5"].state.cause
    assert "SIGTERM" in reports["6"].state.cause
    assert "deleted before" in reports["7"].state.cause
    assert reports["9"].exit == "exit code 3"


@pytest.mark.parametrize("text", ["", "[]", "qstat: 7.head Job has finished", "null"])
def test_what_is_no_answer_of_qstat_is_no_verdict(text):
    with pytest.raises(BatchError):
        qstat_json(text)


TORQUE = (
    "Job Id: 4807.server.example\n"
    "    Job_Name = pq-1\n"
    "    job_state = R\n"
    "    start_time = Sun Nov 22 20:17:46 2026\n"
    "    Variable_List = PBS_O_QUEUE=batch,PBS_O_HOME=/home/u,\n"
    "\tPBS_O_LANG=en\n"
    "\n"
    "Job Id: 4808.server.example\n"
    "    job_state = C\n"
    "    exit_status = 271\n"
    "\n"
    "Job Id:\t7\n"
    "\tjob_state = Q\n"
    "\n"
)


def test_qstat_of_torque_in_full_and_as_slurms_wrapper_writes_it():
    reports = qstat_full(TORQUE)
    assert reports["4807.server.example"].state.allocation is S.RUNNING
    assert reports["4807.server.example"].run == "qstat:/Sun Nov 22 20:17:46 2026"
    assert reports["4808.server.example"].state.failed
    assert reports["7"].state.allocation is S.PENDING


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("pbs_version = 23.06.06", "openpbs"),
        ("pbs_version = 2022.1.1", "openpbs"),
        ("Version: 6.1.3\nCommit: 1234", "torque"),
        ("Unknown option: version\nUsage:\n    qstat [-f]", "torque"),
    ],
)
def test_the_dialects_are_told_apart_by_their_versions(version, expected):
    assert dialect(version) == expected


def test_the_server_is_named_by_qstat():
    text = "Server             Max   Tot   Que\n---------------- ----- ----- -----\nhead                0     3     1\n"
    assert server_name(text) == "head"
    assert server_name("") == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PartitionName=a MaxTime=1-02:00:00 Default=NO", ("a", 93_600.0)),
        ("PartitionName=a MaxTime=UNLIMITED Default=YES", None),
        ("PartitionName=a MaxTime=30:00 Default=NO\nPartitionName=b MaxTime=01:00:00 Default=YES", ("b", 3600.0)),
        ("PartitionName=a MaxTime=30:00 Default=NO\nPartitionName=b MaxTime=01:00:00 Default=NO", None),
        ("", None),
    ],
)
def test_the_limit_of_time_is_that_of_the_partition_or_of_the_default_one(text, found):
    assert longest(text) == found
