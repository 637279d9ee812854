"""PBS in its two dialects, OpenPBS and Torque, by their commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pilot_quantum.resource.launchers.batch.pbs_output import dialect as dialect_of
from pilot_quantum.resource.launchers.batch.pbs_output import qstat_full, qstat_json, server_name
from pilot_quantum.resource.launchers.batch.pbs_script import openpbs_script, torque_script
from pilot_quantum.resource.launchers.batch.script import Job
from pilot_quantum.resource.launchers.batch.system import BatchError, JobReport, RefusedError
from pilot_quantum.resource.launchers.shell import Shell, ShellError

_NO_JOB = re.compile(r"unknown job ?id|invalid job ?id|has finished|cannot locate job", re.IGNORECASE)
_UNANSWERED = re.compile(
    r"cannot connect|connection (refused|timed out)|communication failure|no route|pbs_iff|timeout|end of file",
    re.IGNORECASE,
)
_NOT_FOUND = 153
"""Exit status of `qstat` and `qdel` for a job that the server does not know."""
_TIME_LIMIT = 60.0
_ID = re.compile(r"\d+(\[\])?(\.[\w.-]+)?\Z")


class PbsSystem:
    """The PBS that the commands of a shell belong to. Implements `BatchSystem`.

    dialect: "openpbs" or "torque"; None: told apart by what `qstat --version` says, when first needed.
    """

    def __init__(self, shell: Shell, dialect: str | None = None) -> None:
        self._shell = shell
        self._dialect = dialect

    @property
    def name(self) -> str:
        """PBS, with its dialect where that is known."""
        return {"openpbs": "OpenPBS", "torque": "Torque"}.get(self._dialect or "", "PBS")

    @property
    def dialect(self) -> str:
        """The dialect. Raises ShellError where there is no qstat to ask."""
        if self._dialect is None:
            done = self._shell.run(["qstat", "--version"], timeout=_TIME_LIMIT)
            if done.status == 127:
                raise ShellError(f"qstat cannot be run: {done.words}")
            self._dialect = dialect_of(done.stdout + done.stderr)
        return self._dialect

    def script(self, job: Job) -> str:
        """The script of a job, in the system's dialect."""
        return openpbs_script(job) if self.dialect == "openpbs" else torque_script(job)

    def submit(self, job: Job, path: str) -> str:
        """`qsub`; the job's id."""
        # What the system itself has to say goes into a file of its own. On the command line: some ignore it elsewhere.
        done = self._shell.run(["qsub", "-j", "oe", "-o", job.scheduler, path], timeout=_TIME_LIMIT)
        if not done.ok:
            if _UNANSWERED.search(done.words):
                raise ShellError(f"qsub: {_short(done.words)}")
            raise RefusedError(_short(done.words))
        lines = done.stdout.split()
        if not lines or not _ID.match(lines[-1]):
            if done.stderr.strip():  # a stand-in's qsub may fail with status 0
                raise RefusedError(_short(done.stderr))
            raise ShellError(f"qsub gave {done.stdout.strip()!r} instead of a job's id")
        return lines[-1]

    def find(self, job: Job) -> str:
        """The id of a job of this name; empty if there is none."""
        if self.dialect == "openpbs":
            done = self._shell.run(["qselect", "-x", "-N", job.name], timeout=_TIME_LIMIT)
            words = done.stdout.split()
            return words[-1] if done.ok and words else ""
        done = self._shell.run(["qstat", "-f"], timeout=_TIME_LIMIT)
        found = re.findall(r"^Job Id:\s*(\S+)\n(?:\s+.*\n)*?\s+Job_Name = (.*)", done.stdout, re.MULTILINE)
        ids = [number for number, name in found if name.strip() == job.name]
        return ids[-1] if ids else ""

    def poll(self, ids: Sequence[str]) -> dict[str, JobReport]:
        """What `qstat` says of these jobs, by one command."""
        if self.dialect == "openpbs":
            done = self._shell.run(["qstat", "-x", "-f", "-F", "json", *ids], timeout=_TIME_LIMIT)
            if not done.stdout.strip().startswith("{"):
                return self._missing(done.words)
            return _asked(qstat_json(done.stdout), ids)
        # Torque's stand-ins take one job at a time; without any they list all, as Torque does.
        done = self._shell.run(["qstat", "-f", *(ids if len(ids) == 1 else ())], timeout=_TIME_LIMIT)
        if not done.ok and not done.stdout.strip():
            return {} if done.status == _NOT_FOUND else self._missing(done.words)
        return _asked(qstat_full(done.stdout), ids)

    def look(self, job: str) -> JobReport | None:
        """What `qstat` says of one job; in OpenPBS with its history."""
        return self.poll([job]).get(job)

    def cancel(self, ids: Sequence[str]) -> None:
        """`qdel`; a job that has ended meanwhile is no error."""
        done = self._shell.run(["qdel", *ids], timeout=_TIME_LIMIT)
        if not done.ok and done.status != _NOT_FOUND and not _NO_JOB.search(done.words) and done.stderr.strip():
            raise BatchError(f"qdel: {_short(done.words)}")

    def validate(self, job: Job, script: str) -> tuple[bool, str]:
        """A PBS has no way to check a script without submitting it; it says whether its server answers."""
        done = self._shell.run(["qstat", "-B"], timeout=_TIME_LIMIT)
        if not done.ok and _UNANSWERED.search(done.words):
            return False, _short(done.words)
        return True, f"{self.name} cannot check a script without submitting it"

    def server(self) -> str:
        """The server's name."""
        done = self._shell.run(["qstat", "-B"], timeout=_TIME_LIMIT)
        return server_name(done.stdout) if done.ok else ""

    def _missing(self, words: str) -> dict[str, JobReport]:
        if _NO_JOB.search(words):
            return {}
        raise BatchError(f"qstat: {_short(words)}")


def _asked(reports: dict[str, JobReport], ids: Sequence[str]) -> dict[str, JobReport]:
    """The reports of these jobs; a server may spell an id with more or less of its own name."""
    by_number = {job.partition(".")[0]: report for job, report in reports.items()}
    found = {job: reports.get(job) or by_number.get(job.partition(".")[0]) for job in ids}
    return {job: report for job, report in found.items() if report is not None}


def _short(words: str) -> str:
    lines = [re.sub(r"^(qsub|qstat|qdel): ", "", line.strip()) for line in words.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))[:1000]
