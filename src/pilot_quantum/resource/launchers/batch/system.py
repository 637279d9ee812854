"""What every batch system offers: a template, a table, and commands whose output is parsed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pilot_quantum.resource.launchers.batch.script import Job
from pilot_quantum.resource.launchers.batch.states import JobState


class BatchError(Exception):
    """A batch system said no, or could not be asked; the message is its own."""


class RefusedError(BatchError):
    """It will not take this job: no such job exists."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a batch system says about a job.

    reason: why it waits, or ended, in its own words. hopeless: what to do, where it will never start by itself.
    run: another whenever the job is started anew, among words that begin with the same source ("json:").
    exit: how its program ended, in words.
    """

    state: JobState
    reason: str = ""
    hopeless: str = ""
    run: str = ""
    exit: str = ""


class BatchSystem(Protocol):
    """One batch system, reached through a `Shell`. Every method blocks: call them from threads.

    All raise ShellError where a command cannot be run at all, and BatchError where it fails.
    """

    @property
    def name(self) -> str:
        """As its users know it."""

    def script(self, job: Job) -> str:
        """The script of a job."""

    def submit(self, job: Job, path: str) -> str:
        """Submit the script at `path`; the job's id. Raises RefusedError with the system's words."""

    def find(self, job: Job) -> str:
        """The id of a job that may have been submitted, by its name; empty if there is none."""

    def poll(self, ids: Sequence[str]) -> dict[str, JobReport]:
        """What is known of these jobs, by one command; those that it does not speak of are left out."""

    def look(self, job: str) -> JobReport | None:
        """What else can be asked about one job that `poll` does not know; None: the system knows nothing of it."""

    def cancel(self, ids: Sequence[str]) -> None:
        """Ask for the end of these jobs; it is no error if they have ended. Their states tell when that is done."""

    def validate(self, job: Job, script: str) -> tuple[bool, str]:
        """Whether it would take this script, without submitting it, and its own words; (True, "") if it cannot say."""

    def server(self) -> str:
        """The name or address of its server, which its nodes reach; empty if it does not say."""
