"""The actor without Ray: calls that come again, and such that overtake others."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.resource.agent.marks import MARK
from pilot_quantum.resource.engines.ray import messages
from pilot_quantum.resource.engines.ray.actor import Answers, SlotActor
from pilot_quantum.resource.payload import dump, dump_code

RUNS: list[int] = []


def count(number: int) -> int:
    RUNS.append(number)
    return number


def wait_for(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(0.005)


BLOB = dump_code(count)
DIGEST = hashlib.sha256(BLOB).hexdigest()


def bundle(number: int, heard: int, *tasks: int) -> bytes:
    """Only the first one brings the function."""
    blob = BLOB if number == 1 else None
    rows = [(task, 1, dump(((task,), {})), ()) for task in tasks]
    return messages.encode(messages.Bundle(number, heard, DIGEST, blob, 1, "", [], rows))  # type: ignore[arg-type]


def values(report: bytes) -> list[Any]:
    return [pickle.loads(row[1]) for row in messages.decode_report(report).rows]


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlotActor:
    monkeypatch.setenv(MARK, "")  # what the actor sets is taken back
    RUNS.clear()
    return SlotActor("mark", str(tmp_path))


def test_a_bundle_that_comes_again_is_not_run_again_and_has_the_same_answer(actor: SlotActor) -> None:
    first = actor.run(bundle(1, 0, 10, 11))
    assert actor.run(bundle(1, 0, 10, 11)) == first
    assert values(first) == [10, 11]
    assert RUNS == [10, 11]


def test_a_bundle_that_overtakes_another_waits_for_it(actor: SlotActor) -> None:
    assert values(actor.run(bundle(2, 0, 20))) == []
    assert values(actor.run(bundle(3, 0, 30))) == []
    assert values(actor.run(bundle(1, 0, 10))) == [10, 20, 30]
    assert RUNS == [10, 20, 30]


def test_what_was_withdrawn_is_withdrawn_again_and_never_runs(actor: SlotActor) -> None:
    items = [(1, 10, 1), (2, 20, 1)]
    assert actor.withdraw(1, 0, items) == [(10, 1), (20, 1)]
    assert actor.withdraw(1, 0, items) == [(10, 1), (20, 1)]
    assert values(actor.run(bundle(1, 0, 10, 11))) == [11]
    assert values(actor.run(bundle(2, 1, 20))) == []


def test_listening_again_brings_the_same(actor: SlotActor, tmp_path: Path) -> None:
    go = tmp_path / "go"
    blob = dump_code(wait_for)
    rows = [(1, 1, dump(((str(go),), {})), ())]
    body = messages.encode(messages.Bundle(1, 0, "f", blob, 1, "", [], rows))  # type: ignore[arg-type]
    thread = threading.Thread(target=actor.run, args=(body,))
    thread.start()
    first = actor.listen(1)
    assert actor.listen(1) == first
    go.touch()
    thread.join(10)
    began = messages.decode_report(first).began
    assert began is not None
    assert began[:2] == (1, 1)


def test_answers_are_kept_until_they_are_heard() -> None:
    answers = Answers[str]()
    answers.keep(1, "one")
    answers.keep(2, "two")
    assert answers.find(2, 0) == "two"
    assert answers.find(1, 1) is None
    assert answers.find(2, 1) == "two"
    assert answers.find(3, 2) is None
    assert answers.find(2, 2) is None
