"""The job script: one template, filled with each system's own directives."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.description import PilotDescription

OUTPUT, ERRORS = "job.out", "job.err"
"""What the job prints, in its directory."""
SCHEDULER = "scheduler.out"
"""What a PBS says about the job, in the same place."""

AGENT = ("-m", "pilot_quantum.resource.agent")


@dataclass(frozen=True, slots=True)
class Job:
    """A job to be: what is asked for, and where its files are. No secret is in it, nor in what is made of it.

    name: in the queue, unique. directory: private, on a disk that its nodes see. command: the program, a word each.
    login: whether it is submitted through a login host, where no shell has been set up for us.
    """

    name: str
    description: PilotDescription
    nodes: int
    directory: str
    command: Sequence[str]
    login: bool = False

    @property
    def output(self) -> str:
        """The file of its stdout."""
        return f"{self.directory}/{OUTPUT}"

    @property
    def errors(self) -> str:
        """The file of its stderr."""
        return f"{self.directory}/{ERRORS}"

    @property
    def scheduler(self) -> str:
        """The file of what a PBS has to say."""
        return f"{self.directory}/{SCHEDULER}"


def agent_command(interpreter: str, config: str) -> tuple[str, ...]:
    """The words that start an agent: its configuration is a file's path, for what it holds is secret."""
    return (interpreter, *AGENT, config)


def render(job: Job, directives: Iterable[str], prefix: str, before: Sequence[str] = ()) -> str:
    """The script. directives: those of the system, each without `prefix` ("#SBATCH"); before: lines of our own.

    The user's directives and set-up lines are taken as they are. The program replaces the shell, so that signals reach
    it. Raises InvalidDescriptionError for a text that would end its line.
    """
    own = [directive.removeprefix(prefix).strip() for directive in job.description.directives]
    lines = ["#!/bin/bash -l" if job.login else "#!/bin/bash"]
    lines += [f"{prefix} {directive}" for directive in (*directives, *own)]
    lines += ["", f"# Pilot-Quantum: the allocation {job.name}", "umask 077", *before, *job.description.setup]
    lines.append("exec " + shlex.join(job.command))
    for line in lines:
        if "\n" in line or "\r" in line or "\0" in line:
            raise InvalidDescriptionError(f"{line!r} cannot stand in a job script: it has more than one line.")
    return "\n".join(lines) + "\n"
