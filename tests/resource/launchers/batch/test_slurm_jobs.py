"""Allocations on a real Slurm, with stand-ins for agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch.launcher import BatchLauncher
from pilot_quantum.resource.launchers.batch.local_shell import LocalShell
from pilot_quantum.resource.launchers.protocol import Request

pytestmark = pytest.mark.requires("slurm")

Launch = Callable[..., BatchLauncher]


@pytest.fixture
def launched(slurm: Any, loop: Any, agents: Any, story: Any, tmp_path: Path, monkeypatch: Any) -> Iterator[Launch]:
    """Launches `program` as a job; gives the launcher, which is closed at the end."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    made: list[BatchLauncher] = []

    def launch(
        program: str, url: str = "slurm:///normal?cores=1&walltime=5m", directory: Path = tmp_path
    ) -> BatchLauncher:
        launcher = BatchLauncher(
            loop,
            agents,
            directory,
            shells=lambda _: LocalShell(),
            command=lambda python, config: ("sh", "-c", program, config),
        )
        made.append(launcher)
        description = PilotDescription(url)
        request = Request("p.1", "p", description, launcher.resolve(description), description.nodes)
        loop.ask(lambda: launcher.launch(request, story))
        return launcher

    yield launch
    for launcher in made:
        loop.ask(launcher.close)


def job(slurm: Any) -> str:
    """The one job of the test."""
    slurm.until(lambda: slurm.jobs(), "a job is there")
    (number,) = slurm.jobs()
    return str(number)


def test_a_job_starts_and_its_agent_makes_it_run(launched, loop, agents, story):
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    loop.ask(agents.made["p.1"].hello)
    story.until(lambda s: "running" in s.states("p.1"))
    assert story.states("p.1")[-2:] == ["starting", "running"]


def test_the_address_for_agents_is_the_one_that_the_controller_sees(launched, slurm, agents, story):
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    assert agents.addresses == [slurm.hosts.root_address]


def test_no_secret_is_in_the_script_and_its_file_is_private(launched, story, tmp_path):
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    directory = tmp_path / "pilots" / "p.1"
    assert "SECRET" not in (directory / "job.sh").read_text()
    config = directory / "agent.json"
    assert "SECRET" in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700


def test_cancelling_ends_the_job_and_is_no_fault(launched, loop, slurm, agents, story):
    launcher = launched("sleep 300")
    number = job(slurm)
    story.until(lambda s: "starting" in s.states("p.1"))
    loop.ask(lambda: launcher.cancel("p.1"))
    assert story.end("p.1") == ("cancelled", False)
    assert agents.made["p.1"].said == [("gone", "cancelled", False)]
    assert slurm.job_state(number) == "CANCELLED"


def test_a_job_that_somebody_else_cancels_is_a_fault(launched, slurm, story):
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    slurm.must("scancel", job(slurm))
    cause, failed = story.end("p.1")
    assert failed
    assert "not by this session" in cause


def test_closing_leaves_no_job(launched, loop, slurm, story):
    launcher = launched("sleep 300")
    job(slurm)
    loop.ask(launcher.close)
    assert story.ends["p.1"] == ("session closed", False)
    assert slurm.jobs() == set()


def test_a_job_that_is_closed_before_it_was_submitted_is_not_left(launched, loop, slurm, story):
    launcher = launched("sleep 300")
    loop.ask(launcher.close)
    assert story.ends["p.1"] == ("session closed", False)
    assert slurm.jobs() == set()


@pytest.mark.parametrize(
    ("query", "words", "advice"),
    [
        ("slurm:///nowhere?cores=1", "Invalid partition name", "sinfo"),
        ("slurm:///normal?cores=1&constraint=nowhere", "Invalid feature", "features"),
        ("slurm:///normal?cores=1&qpus=77", "not available", "fewer"),
        ("slurm:///normal?cores=1&licences=nothing:1", "Invalid license", "licenses"),
        ("slurm:///normal?cores=1&directives=--no-such-option", "unrecognized option", "directives"),
    ],
)
def test_a_refused_job_ends_with_the_words_of_slurm_and_what_to_do(launched, slurm, story, query, words, advice):
    launched("sleep 300", query)
    cause, failed = story.end("p.1")
    assert failed
    assert cause.startswith("Slurm refuses the job: ")
    assert words in cause
    assert advice in cause
    assert slurm.jobs() == set()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("slurm:///quantum?cores=1&nodes=2&walltime=1m", "Partition"),
        ("slurm:///normal?cores=1&nodes=99", "Partition"),
        ("slurm:///quantum?cores=1&walltime=30m", "PartitionTimeLimit"),
    ],
)
def test_a_job_that_can_never_start_is_cancelled_and_says_why(launched, slurm, story, query, reason):
    launched("sleep 300", query)
    cause, failed = story.end("p.1")
    assert failed
    assert reason in cause
    assert "ask for" in cause
    assert slurm.jobs() == set()


def test_a_job_that_waits_for_a_drained_node_goes_on_waiting(launched, slurm, story):
    slurm.drain("h4")
    launched("sleep 300", "slurm:///normal?cores=1&nodes=3")
    story.until(lambda s: any("DRAINED" in cause or "ReqNodeNotAvail" in cause for _, cause in s.moves.get("p.1", [])))
    slurm.resume("h4")
    story.until(lambda s: "starting" in s.states("p.1"))


def test_a_requeued_job_is_lost_and_starts_anew(launched, loop, slurm, agents, story):
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    loop.ask(agents.made["p.1"].hello)
    story.until(lambda s: "running" in s.states("p.1"))
    slurm.must("scontrol", "requeue", job(slurm))
    story.until(lambda s: s.states("p.1")[-1] == "starting", 90)
    assert "pending" in story.states("p.1")[story.states("p.1").index("running") :]
    ((what, cause),) = agents.made["p.1"].said
    assert what == "lost"
    assert "requeued" in cause


def test_a_failing_program_ends_it_with_its_last_words(launched, story):
    launched("echo no such module >&2; exit 3")
    cause, failed = story.end("p.1")
    assert failed
    assert "exit code 3" in cause
    assert "no such module" in cause


def test_the_end_of_the_walltime_is_no_fault(launched, slurm, story):
    launched("sleep 300", "slurm:///normal?cores=1&walltime=1m")
    story.until(lambda s: "starting" in s.states("p.1"))
    slurm.expire(job(slurm))
    cause, failed = story.end("p.1")
    assert "time limit is over" in cause
    assert not failed


def test_a_directory_that_cannot_be_written_is_named(launched, slurm, story):
    launched("sleep 300", "slurm:///normal?cores=1&directory=/proc/nowhere")
    cause, failed = story.end("p.1")
    assert failed
    assert "/proc/nowhere" in cause
    assert slurm.jobs() == set()


def test_slurms_environment_of_the_user_does_not_change_what_was_asked(launched, slurm, story, monkeypatch):
    monkeypatch.setenv("SBATCH_PARTITION", "nowhere")
    monkeypatch.setenv("SQUEUE_PARTITION", "nowhere")
    launched("sleep 300")
    story.until(lambda s: "starting" in s.states("p.1"))
    monkeypatch.delenv("SQUEUE_PARTITION")
    assert "Partition=normal" in slurm.must("scontrol", "show", "job", job(slurm))


def test_a_directory_with_odd_characters_serves(launched, story, tmp_path):
    launched('echo it was here >&2; test -f "$0" && exit 1', directory=tmp_path / "a %j 'b' \"c\" $HOME")
    cause, _ = story.end("p.1")
    assert "exit code 1" in cause
    assert "it was here" in cause
