"""What Slurm's commands print, read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pilot_quantum.resource.launchers.batch import reasons
from pilot_quantum.resource.launchers.batch.amounts import clock_seconds
from pilot_quantum.resource.launchers.batch.states import UNKNOWN, slurm_state
from pilot_quantum.resource.launchers.batch.system import BatchError, JobReport

SQUEUE_FORMAT = "%i|%T|%S|%r"
"""Job, state in full, start, reason: the reason last, for it may be any text."""
SACCT_FORMAT = "JobIDRaw,State,ExitCode,Start,Reason"
_NO_OUTPUT = "a node could not open the job's files, whose directory nodes must see: directory= on a shared disk"
"""What Slurm means by signal 53."""
_NOTHING = frozenset({"", "None", "N/A", "(null)", "Unknown"})


def squeue_rows(text: str) -> dict[str, JobReport]:
    """What `squeue --format` with our format says, by job id."""
    reports: dict[str, JobReport] = {}
    for line in text.splitlines():
        parts = line.strip().split("|", 3)
        if len(parts) == 4:
            job, state, start, reason = parts
            reports[job] = report(state.split(), reason, f"squeue:{start}", "")
    return reports


def squeue_json(text: str) -> dict[str, JobReport]:
    """What `squeue --json` says, by job id, in old shapes and new ones. Raises BatchError for what is none."""
    try:
        jobs = json.loads(text)["jobs"]
    except (ValueError, KeyError, TypeError) as error:
        raise BatchError(f"squeue --json gave no list of jobs: {error!r}") from None
    return dict(_json_reports(jobs))


def _json_reports(jobs: list[dict[str, Any]]) -> Iterator[tuple[str, JobReport]]:
    for job in jobs:
        state = job.get("job_state", "")
        states = state if isinstance(state, list) else [str(state)]
        run = f"json:{_number(job.get('restart_cnt'))}/{_number(job.get('start_time'))}"
        reason = str(job.get("state_description") or job.get("state_reason") or "")
        if reasons.stuck(str(job.get("state_reason"))):
            reason = str(job["state_reason"])
        yield str(job.get("job_id", "")), report(states, reason, run, _json_exit(job.get("exit_code")))


def scontrol_job(text: str) -> JobReport | None:
    """What `scontrol show job` says; None where it is no answer about a job."""
    fields = dict(re.findall(r"(\w+)=(\S*)", text))
    if "JobState" not in fields:
        return None
    reason = re.search(r"\bReason=(.*?)(?:\s+Dependency=|\n|$)", text)
    run = f"scontrol:{fields.get('Restarts', '')}/{fields.get('StartTime', '')}"
    return report([fields["JobState"]], reason.group(1) if reason else "", run, _exit_words(fields.get("ExitCode", "")))


def sacct_rows(text: str) -> JobReport | None:
    """What `sacct --parsable2` with our format says about one job: its last record."""
    last = None
    for line in text.splitlines():
        parts = line.split("|", 4)
        if len(parts) == 5:
            _, state, exit_code, start, reason = parts
            last = report([state], reason, f"sacct:{start}", _exit_words(exit_code))
    return last


def report(states: list[str], reason: str, run: str, exit_words: str) -> JobReport:
    """A job's report from Slurm's words."""
    state = slurm_state(*states)
    reason = "" if reason in _NOTHING else reason
    hopeless = ""
    if not state.ended and state.allocation not in ("running", "starting", "completing"):
        hopeless = reasons.stuck(reason) or (f"it is {state.cause}" if state.stuck else "")
    said = " ".join(states) if state is UNKNOWN else reason
    return JobReport(state, said, hopeless, run, exit_words)


def partition_fields(text: str) -> dict[str, str]:
    """What `scontrol show partition` says, by field."""
    return dict(re.findall(r"(\w+)=(\S*)", text))


def longest(text: str) -> tuple[str, float] | None:
    """The partition of a job that names none or one, and its limit of time in seconds; None where it has no limit.

    text: what `scontrol show partition --oneliner` says, of one partition or of all, of which the default one counts.
    """
    partitions = [partition_fields(line) for line in text.splitlines()]
    wanted = partitions if len(partitions) == 1 else [one for one in partitions if one.get("Default") == "YES"]
    for fields in wanted:
        limit = clock_seconds(fields.get("MaxTime", ""))
        if limit is not None:
            return fields.get("PartitionName", ""), limit
    return None


def _exit_words(code: str) -> str:
    """Slurm's "status:signal" in words; empty for a good end."""
    status, _, signal = code.partition(":")
    if signal not in ("", "0"):
        return _signal(signal)
    return f"exit code {status}" if status not in ("", "0") else ""


def _json_exit(value: Any) -> str:
    """The exit code in either shape of Slurm's JSON: the wait status itself, or its parts."""
    if isinstance(value, dict):
        signal = value.get("signal")
        number = _number(signal.get("id") if isinstance(signal, dict) else None)
        if number not in ("", "0"):
            return _signal(number)
        status = _number(value.get("return_code"))
        return f"exit code {status}" if status not in ("", "0") else ""
    if not isinstance(value, int) or value == 0:
        return ""
    return _signal(str(value & 127)) if value & 127 else f"exit code {value >> 8}"


def _signal(number: str) -> str:
    return f"signal {number}" + (f": {_NO_OUTPUT}" if number == "53" else "")


def _number(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("number", "")) if value.get("set") else ""
    return "" if value is None else str(value)
