"""What the commands of a PBS print, read; both dialects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.launchers.batch.states import OPENPBS, TORQUE, UNKNOWN, JobState
from pilot_quantum.resource.launchers.batch.system import BatchError, JobReport

_A = AllocationState

EXITS: Mapping[int, JobState] = {
    -29: JobState(_A.ENDED, "its time limit is over", failed=False),
    -28: JobState(_A.ENDED, "it was ended when its server started anew", failed=True),
    -27: JobState(_A.ENDED, "it used more memory than it had asked for", failed=True),
    -26: JobState(_A.ENDED, "it used more CPU time than it had asked for", failed=True),
    -25: JobState(_A.ENDED, "it used more cores than it had asked for", failed=True),
}
"""OpenPBS's exit status of a job that the system itself ended, where that says more than "failed"."""
_HOPELESS = re.compile(r"can never run|never run|will never", re.IGNORECASE)
"""What OpenPBS's scheduler writes into the comment of a job that no state of the cluster could start."""


def qstat_json(text: str) -> dict[str, JobReport]:
    """What OpenPBS's `qstat -x -f -F json` says, by job id. Raises BatchError for what is no such answer."""
    try:
        jobs = json.loads(text).get("Jobs", {})
        found = {str(job): {key: _text(value) for key, value in attributes.items()} for job, attributes in jobs.items()}
    except (ValueError, AttributeError) as error:
        raise BatchError(f"qstat -F json gave no list of jobs: {error!r}") from None
    return {job: _report(attributes, OPENPBS) for job, attributes in found.items()}


def qstat_full(text: str, table: Mapping[str, JobState] = TORQUE) -> dict[str, JobReport]:
    """What `qstat -f` says in plain text, by job id: "Job Id: …" and lines "name = value", continued after a tab."""
    reports: dict[str, JobReport] = {}
    for block in re.split(r"^Job Id:\s*", text, flags=re.MULTILINE)[1:]:
        head, _, rest = block.partition("\n")
        attributes: dict[str, str] = {}
        last = ""
        for line in rest.splitlines():
            match = re.match(r"\s+([\w.-]+) = (.*)", line)
            if match:
                last = match.group(1)
                attributes[last] = match.group(2)
            elif last and line[:1] in ("\t", " "):
                attributes[last] += line.strip()
        reports[head.strip()] = _report(attributes, table)
    return reports


def dialect(version: str) -> str:
    """Which dialect's `qstat --version` this is: "openpbs", else "torque", as its stand-ins over other systems are."""
    return "openpbs" if re.search(r"pbs_version|PBS ?Pro|OpenPBS", version, re.IGNORECASE) else "torque"


def server_name(text: str) -> str:
    """The server's name in what `qstat -B` says: the first word below the line of dashes."""
    match = re.search(r"^-{3,}.*\n\s*(\S+)", text, re.MULTILINE)
    return match.group(1) if match else ""


def _report(attributes: Mapping[str, str], table: Mapping[str, JobState]) -> JobReport:
    letter = attributes.get("job_state", "")
    state = table.get(letter, UNKNOWN)
    comment = attributes.get("comment", "")
    run = f"qstat:{attributes.get('run_count', '')}/" + attributes.get("start_time", attributes.get("stime", ""))
    status = attributes.get("Exit_status", attributes.get("exit_status", ""))
    exit_words = ""
    if state.ended and status.lstrip("-").isdigit():
        state, exit_words = _ended(state, int(status))
    elif state.ended and letter == "F" and "run_count" not in attributes and "stime" not in attributes:
        state = JobState(state.allocation, "its job was deleted before it ran", failed=True)
    hopeless = "the request can never be met; ask for less" if _HOPELESS.search(comment) and letter in "QH" else ""
    if letter == "H" and "s" in attributes.get("Hold_Types", ""):
        hopeless = "the system holds it; ask an administrator"
    return JobReport(state, comment or f"state {letter}", hopeless, run, exit_words)


def _ended(state: JobState, status: int) -> tuple[JobState, str]:
    """How a job ended, by its exit status: 128 or 256 and a signal's number where a signal ended it."""
    if status == 0:
        return state, ""
    if status in EXITS:
        return EXITS[status], ""
    if status in (271, 143):
        return JobState(state.allocation, "its job was ended by SIGTERM, not by this session", failed=True), "signal 15"
    if status < 0:
        return JobState(state.allocation, "the system ended or could not start it", failed=True), f"PBS code {status}"
    words = f"signal {status - 256}" if status > 256 else f"exit code {status}"
    return JobState(state.allocation, "its job failed", failed=True), words


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if isinstance(value, dict | list) else str(value)
