from __future__ import annotations

import time
from pathlib import Path

import pytest

from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.status import status_of
from pilot_quantum.journal.store import JournalWriter


def test_status_of_an_ended_session(story: Path) -> None:
    with JournalReader(story) as reader:
        status = status_of(reader)
    assert (status.life, status.tasks.total, status.eta_s) == ("ended", 4, None)
    (pilot,) = status.pilots
    assert (pilot.state, pilot.workers, pilot.workers_up, pilot.workers_lost, pilot.running) == ("done", 2, 0, 1, 0)
    (failure,) = status.failures
    assert (failure.task, failure.cause) == (2, "ValueError: <angle> & more")
    assert failure.at_s == pytest.approx(5)


def test_status_of_a_live_session_says_what_is_left(writer: JournalWriter) -> None:
    now = time.monotonic()
    writer.pilot_row(now, "p", "active", "", "local://")
    writer.worker_row(now, "p", "p/0", "up", 1, "")
    place = (1, 0, "p", "p/0", "")
    writer.task_rows([(now, task, "queued", 0, 0, "", "", "") for task in range(10)])
    writer.task_rows([(now, task, state, *place) for task in range(5) for state in ("shipped", "running", "done")])
    writer.task_rows([(now, 5, "shipped", *place), (now, 5, "running", *place)])
    writer.flush()
    with JournalReader(writer.path.parent) as reader:
        status = status_of(reader)
    assert (status.life, status.tasks.done, status.tasks.running, status.tasks.queued) == ("live", 5, 1, 4)
    assert status.rate_per_s
    assert status.eta_s == pytest.approx(5 / status.rate_per_s)
    assert (status.pilots[0].running, status.pilots[0].workers_up) == (1, 1)


def test_status_of_a_session_that_has_done_nothing(writer: JournalWriter) -> None:
    writer.flush()
    with JournalReader(writer.path.parent) as reader:
        status = status_of(reader)
    assert (status.tasks.total, status.pilots, status.failures, status.eta_s) == (0, (), (), None)


def test_allocations_that_have_ended_are_shown_when_they_are_the_last(writer: JournalWriter) -> None:
    now = time.monotonic()
    for number in range(9):
        name = f"p.{number}"
        writer.allocation_row(now + number, "p", name, "running", 1, "")
        if number:
            writer.allocation_row(now + number + 0.5, "p", name, "ended", 1, "its time limit is over")
        writer.decision_row(now + number, name, "asked for 1 node", "grow")
    writer.close()
    with JournalReader(writer.path.parent) as reader:
        status = status_of(reader, ended=2, decisions=3)
    assert [one.allocation for one in status.allocations] == ["p.0", "p.7", "p.8"]
    assert [one.subject for one in status.decisions] == ["p.6", "p.7", "p.8"]
