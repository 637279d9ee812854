"""Kept results come from their agent piece by piece, are moved when it ends, and are lost with it."""

from __future__ import annotations

import pickle
import random
from collections import deque
from pathlib import Path

import pytest

from pilot_quantum.resource.agent.keepsakes import Keepsakes
from pilot_quantum.resource.agent.messages import Down, Fetch, KeepNoMore, LetGo, Piece
from pilot_quantum.resource.engines import fetching
from pilot_quantum.resource.engines.fetching import WINDOW, Fetching
from pilot_quantum.resource.values.kept import Kept, KeptReference, Key
from pilot_quantum.resource.values.store import LARGE, Store

W = "p/0.0"
STEP = 100_000


class Line:
    """A session's end and an agent's, whose messages wait until a test lets them pass. Implements `Keeper`."""

    pilot = "p"
    allocation = "p.1"

    def __init__(self, store: Store | None = None) -> None:
        self.down: deque[Down] = deque()
        self.asked: list[Fetch] = []
        self.agent = Keepsakes()
        self.store = Store() if store is None else store
        self.here = Fetching(self, self.down.append, lambda: self.store)
        self.here.used = True

    def fetch(self, kept: Kept) -> None:
        self.here.ask(kept)

    def let_go(self, key: Key) -> None:
        self.here.let_go(key)

    def done(self, task: int, value: bytes) -> KeptReference:
        """A task whose result is to stay has ended there."""
        self.agent.expect(W, [(task, 1, b"", ())])
        ((_, words, _),) = self.agent.keep(W, [((task, 1, 0.0, 1.0, True), value, None)])
        return self.here.found(words)

    def step(self) -> None:
        """One message arrives, and so does the answer."""
        match self.down.popleft():
            case Fetch() as fetch:
                self.asked.append(fetch)
                self.here.take(self.agent.piece(fetch))
            case LetGo(items):
                self.agent.let_go(items)
            case KeepNoMore():
                self.agent.close()
                self.here.kept_no_more()

    def run(self) -> None:
        while self.down:
            self.step()


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PIECE", STEP)


def content(size: int) -> bytes:
    return pickle.dumps(random.Random(size).randbytes(size))


@pytest.mark.parametrize("size", [10_000, 2 * LARGE, 10 * STEP])
def test_it_comes_once_however_many_ask_and_goes_from_the_agent(size: int) -> None:
    line, value = Line(), content(size)
    kept = line.done(1, value).kept
    assert not kept.settled
    for _ in range(3):
        kept.ask("it is wanted")
    assert len(line.down) <= WINDOW
    line.run()
    assert len(line.asked) == -(-len(value) // STEP)
    assert kept.content is not None
    whole = kept.content
    assert (whole.value.read(0, len(value)) if len(value) >= LARGE else whole) == value  # type: ignore[attr-defined]
    assert len(line.agent) == 0


def test_what_nobody_holds_any_more_goes_from_the_agent_unfetched() -> None:
    line = Line()
    reference = line.done(1, content(10 * STEP))
    del reference
    line.run()
    assert (len(line.agent), line.asked) == (0, [])


def test_several_share_the_line_and_do_not_flood_it() -> None:
    line = Line()
    kept = [line.done(number, content(7 * STEP + number)).kept for number in range(1, 6)]
    for one in kept:
        one.ask("it is wanted")
    while line.down:
        assert sum(isinstance(message, Fetch) for message in line.down) <= WINDOW
        line.step()
    assert all(one.content is not None for one in kept)


def test_handing_over_ends_when_all_has_come_also_what_is_found_meanwhile() -> None:
    line, ends = Line(), list[int]()
    first = line.done(1, content(3 * STEP)).kept
    line.here.hand_over(lambda: ends.append(1))
    line.here.hand_over(lambda: ends.append(2))
    late = line.done(2, content(3 * STEP)).kept  # its words were on their way
    assert ends == []
    line.run()
    assert first.content is not None
    assert late.content is not None
    assert (ends, len(line.agent)) == ([1, 2], 0)


def test_handing_over_nothing_waits_only_for_the_agents_word_and_not_for_one_that_keeps_nothing() -> None:
    line, ends = Line(), list[int]()
    line.here.hand_over(lambda: ends.append(1))
    assert ends == []
    line.run()
    assert ends == [1]
    line.here.lose("over")
    line.here.hand_over(lambda: ends.append(2))
    assert ends == [1, 2]


def test_all_is_lost_with_the_agent_and_nobody_waits_for_it() -> None:
    line, ends = Line(), list[int]()
    kept, asked = line.done(1, content(3 * STEP)).kept, line.done(2, content(9 * STEP)).kept
    asked.ask("it is wanted")
    line.step()
    line.here.hand_over(lambda: ends.append(1))
    line.here.lose("killed")
    assert (kept.cause, asked.cause, ends) == ("killed", "killed", [1])
    late = Kept(kept.words, line)
    late.ask("it is wanted")
    assert late.cause == "its agent is gone"


def test_an_agent_that_does_not_have_it_and_a_lack_of_room_here_are_told(tmp_path: Path) -> None:
    line = Line()
    kept = line.done(1, content(STEP)).kept
    line.agent.let_go([(1, 1)])
    kept.ask("it is wanted")
    line.run()
    assert kept.cause == "its agent does not have it"
    full = Line(Store(tmp_path / "missing", limit=0))
    other = full.done(1, content(2 * LARGE)).kept
    other.ask("it is wanted")
    full.run()
    assert "no room for it here" in other.cause
    assert len(full.agent) == 0
    full.here.take(Piece(9, 9, b"of nothing that was asked for"))
