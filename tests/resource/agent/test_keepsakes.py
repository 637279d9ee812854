"""What stays with a head agent, and what goes up with its row."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from pilot_quantum.resource.agent.keepsakes import Keepsakes
from pilot_quantum.resource.agent.messages import Fetch, SentRow
from pilot_quantum.resource.engines.events import EngineEvent, NodesLost, Revoked, WorkerLost
from pilot_quantum.resource.values.file import MAGIC, loads
from pilot_quantum.resource.values.kept import LEAST, are_words, decode
from pilot_quantum.resource.values.store import LARGE, Store

W = "p/0.0"
SMALL, MEDIUM, BIG = (pickle.dumps(bytes(size)) for size in (10, LEAST, 2 * LARGE))


def sent(task: int, value: bytes, ok: bool = True) -> SentRow:
    return (task, 1, 0.0, 1.0, ok), value, (b"out", b"")


def expecting(*tasks: int, store: Store | None = None) -> Keepsakes:
    keepsakes = Keepsakes(store)
    keepsakes.expect(W, [(task, 1, b"", ()) for task in tasks])
    return keepsakes


def went(keepsakes: Keepsakes, *rows: SentRow) -> list[bool]:
    """Which of the rows went up with their values."""
    told = keepsakes.keep(W, list(rows))
    assert [(row[0], row[2]) for row in told] == [(row[0], row[2]) for row in rows]
    return [not are_words(row[1]) for row in told]


def whole(keepsakes: Keepsakes, task: int, size: int, step: int) -> bytes:
    pieces = [keepsakes.piece(Fetch(task, 1, begin, step)).data for begin in range(0, size, step)]
    return b"".join(pieces)


@pytest.mark.parametrize("value", [MEDIUM, BIG], ids=["in the row's memory", "in a file"])
def test_what_is_to_stay_stays_and_can_be_had_piece_by_piece(value: bytes) -> None:
    store = Store()
    keepsakes = expecting(1, store=store)
    (row,) = keepsakes.keep(W, [sent(1, value)])
    words = decode(row[1])
    assert (words.task, words.attempt, words.size, len(words.digest)) == (1, 1, len(value), 32)
    assert whole(keepsakes, 1, words.size, 1000) == value
    keepsakes.let_go([(1, 1)])
    assert keepsakes.piece(Fetch(1, 1, 0, 1000)).data == b""
    assert len(keepsakes) == store.in_memory == 0


def test_small_ones_errors_and_those_that_nobody_asked_to_keep_go_up() -> None:
    keepsakes = expecting(1, 2, 3)
    assert went(keepsakes, sent(1, SMALL), sent(2, BIG, ok=False), sent(3, BIG), sent(4, BIG)) == [
        True,
        True,
        False,
        True,
    ]
    assert went(Keepsakes(), sent(1, BIG)) == [True]


def test_nothing_more_stays_when_the_allocation_is_about_to_end_but_what_is_there_is_kept() -> None:
    keepsakes = expecting(1, 2)
    assert went(keepsakes, sent(1, BIG)) == [False]
    keepsakes.close()
    assert went(keepsakes, sent(2, BIG)) == [True]
    assert whole(keepsakes, 1, len(BIG), 1 << 20) == BIG


def test_it_goes_up_where_there_is_no_room_for_it() -> None:
    class Full(Store):
        def keep(self, parts: Sequence[object]) -> bytes:
            raise OSError("no space left")

    assert went(expecting(1, store=Full()), sent(1, BIG)) == [True]


def test_what_does_not_fit_into_memory_lies_in_the_agents_directory(tmp_path: Path) -> None:
    keepsakes = expecting(1, store=Store(tmp_path, limit=0))
    assert went(keepsakes, sent(1, BIG)) == [False]
    assert whole(keepsakes, 1, len(BIG), 1 << 20) == BIG
    assert list(tmp_path.iterdir()) == []  # it has no name


@pytest.mark.parametrize(
    "event",
    [Revoked("p", W, [(1, 1)]), WorkerLost("p", W, "killed"), NodesLost("p", [0], "gone")],
    ids=lambda event: type(event).__name__,
)
def test_what_will_not_come_is_not_waited_for(event: EngineEvent) -> None:
    keepsakes = expecting(1)
    keepsakes.note(event)
    assert went(keepsakes, sent(1, BIG)) == [True]


def test_tasks_get_it_in_the_place_of_its_words_and_keep_it() -> None:
    store = Store()
    keepsakes = expecting(1, 2, store=store)
    told = keepsakes.keep(W, [sent(1, BIG), sent(2, MEDIUM)])
    row = (3, 1, b"arguments", (told[0][1], b"other", told[1][1]))
    ((task, attempt, payload, inputs),), restored = keepsakes.restored([row])
    assert restored
    assert (task, attempt, payload, inputs[1], inputs[2]) == (3, 1, b"arguments", b"other", MEDIUM)
    assert inputs[0].startswith(MAGIC)
    keepsakes.let_go([(1, 1), (2, 1)])
    assert loads(inputs[0]) == bytes(2 * LARGE)
    rows = [(4, 1, b"", (b"value",))]
    assert keepsakes.restored(rows) == (rows, False)
