from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from pilot_quantum.resource.allocation_state import ALLOWED, AllocationState
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch.launched import PATIENCE, Launched
from pilot_quantum.resource.launchers.batch.states import SLURM
from pilot_quantum.resource.launchers.batch.system import JobReport
from pilot_quantum.resource.launchers.protocol import Request


class World:
    """One job, its scheduler's words by hand, and a clock that is set."""

    def __init__(self, story: Any, agent: Any) -> None:
        self.now = 100.0
        self.story = story
        self.agent = agent
        self.given_up: list[str] = []
        request = Request("p.1", "p", PilotDescription("slurm://"), Capacity(1, 1), 1)
        self.launched = Launched(request, agent, story, self.given_up.append, self._over, lambda: self.now)
        self.launched.job = "7"

    def _over(self, cause: str, failed: bool) -> None:
        self.launched.end(cause, failed)

    def says(self, state: str, reason: str = "", run: str = "json:0/1", hopeless: str = "", began: float = 0.0) -> None:
        self.now += 1
        self.launched.reported(JobReport(SLURM[state], reason, hopeless, run), began or self.now)

    def hello(self) -> None:
        self.now += 1
        self.launched.hello()

    @property
    def states(self) -> list[str]:
        return self.story.states("p.1")


@pytest.fixture
def world(story, agents):
    world = World(story, agents.engine(Request("p.1", "p", PilotDescription("slurm://"), Capacity(1, 1), 1)))
    yield world
    passed = [AllocationState.SUBMITTED, *(state for state, _ in story.moves.get("p.1", []))]
    for old, new in pairwise(passed):
        assert new is old or new in ALLOWED[old], "against the table of transitions"


def test_the_usual_life(world):
    world.says("PENDING", "Priority")
    world.says("CONFIGURING")
    world.says("RUNNING")
    world.hello()
    world.says("RUNNING")
    world.says("COMPLETING")
    world.says("COMPLETED")
    assert world.states == ["pending", "starting", "running", "completing"]
    assert world.story.ends["p.1"] == ("job 7: its job has ended", False)


def test_an_agent_may_come_before_the_scheduler_says_that_the_job_runs(world):
    world.says("PENDING")
    world.hello()
    assert world.states == ["pending", "starting", "running"]


def test_an_answer_older_than_the_greeting_is_no_requeue(world):
    world.says("PENDING")
    asked = world.now
    world.hello()
    world.says("PENDING", began=asked)
    assert world.states[-1] == "running"
    assert world.agent.said == []


def test_a_requeue_loses_the_agent(world):
    world.hello()
    world.says("PENDING", "BeginTime")
    assert world.agent.said == [("lost", "job 7 was requeued by the scheduler (BeginTime)")]
    world.says("RUNNING", run="json:1/9")
    world.hello()
    assert world.states[-3:] == ["pending", "starting", "running"]


def test_a_requeue_between_two_polls_is_noticed(world):
    world.says("RUNNING", run="json:0/1")
    world.hello()
    world.says("RUNNING", run="json:0/1")
    world.says("RUNNING", run="json:1/9")
    assert [said[0] for said in world.agent.said] == ["lost"]
    assert world.states[-2:] == ["pending", "starting"]


def test_the_new_agent_of_a_requeue_that_nobody_saw_is_kept(world):
    world.says("RUNNING", run="json:0/1")
    world.hello()
    world.says("RUNNING", run="json:0/1")
    world.hello()
    world.says("RUNNING", run="json:1/9")
    assert world.agent.said == []
    assert world.states[-3:] == ["pending", "starting", "running"]


def test_answers_of_different_commands_are_not_compared(world):
    world.says("RUNNING", run="json:0/1")
    world.hello()
    world.says("RUNNING", run="squeue:2026-11-22")
    assert world.agent.said == []


def test_a_reason_that_cannot_clear_is_believed_when_it_is_said_twice(world):
    world.says("PENDING", "PartitionNodeLimit", hopeless="ask for fewer")
    assert world.given_up == []
    world.says("PENDING", "PartitionNodeLimit", hopeless="ask for fewer")
    assert world.given_up == ["it cannot start: PartitionNodeLimit (ask for fewer)"]


def test_a_reason_that_was_there_for_a_moment_is_nothing(world):
    for _ in range(3):
        world.says("PENDING", "PartitionConfig", hopeless="ask for fewer")
        world.says("PENDING", "Resources")
    assert world.given_up == []


def test_a_failing_poll_is_unknown_and_no_verdict(world):
    world.says("PENDING")
    for _ in range(10):
        world.launched.unreachable("no route")
        world.now += 100
    assert world.states == ["pending", "unknown"]
    world.says("RUNNING")
    assert world.states == ["pending", "unknown", "starting"]
    assert world.story.ends == {}


def test_a_job_whose_agent_talks_is_not_unknown(world):
    world.hello()
    for _ in range(10):
        world.launched.unreachable("no route")
        world.launched.missing()
        world.now += 100
    assert world.states[-1] == "running"
    assert world.story.ends == {}


def test_a_job_that_nobody_knows_is_lost_after_a_while(world):
    world.says("RUNNING")
    world.launched.missing()
    assert world.states[-1] == "unknown"
    world.now += PATIENCE - 2
    world.launched.missing()
    assert world.story.ends == {}
    world.now += 3
    world.launched.missing()
    cause, failed = world.story.ends["p.1"]
    assert "lost: the scheduler knows nothing of job 7" in cause
    assert failed


def test_a_job_that_nobody_knows_is_lost_only_when_its_agent_is_silent_too(world):
    world.hello()
    world.launched.missing()
    world.now += 10 * PATIENCE
    world.launched.missing()
    world.launched.broke()
    world.launched.missing()
    assert world.story.ends == {}
    world.now += PATIENCE
    world.launched.missing()
    assert "lost" in world.story.ends["p.1"][0]


@pytest.mark.parametrize(
    ("state", "words", "failed"),
    [
        ("TIMEOUT", "time limit is over", False),
        ("CANCELLED", "not by this session", True),
        ("PREEMPTED", "preempted", True),
        ("NODE_FAIL", "node of it failed", True),
        ("OUT_OF_MEMORY", "out of memory", True),
        ("DEADLINE", "deadline", True),
    ],
)
def test_ends_are_told_apart(world, state, words, failed):
    world.says("RUNNING")
    world.says(state)
    assert words in world.story.ends["p.1"][0]
    assert world.story.ends["p.1"][1] is failed


def test_what_we_cancelled_ends_with_our_cause(world):
    world.says("PENDING")
    world.launched.cancelled = ("cancelled", False)
    world.says("CANCELLED")
    assert world.story.ends["p.1"] == ("cancelled", False)


def test_it_ends_once(world):
    world.says("COMPLETED")
    world.says("FAILED")
    world.launched.missing()
    assert world.agent.said == [("gone", "job 7: its job has ended", False)]
