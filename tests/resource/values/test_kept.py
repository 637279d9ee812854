"""A result that stays with an agent, as the session knows it: it comes once, or is lost, or is let go."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.values.kept import Kept, Key, Words, are_words, decode

WORDS = Words(7, 1, 50_000_000, "ab12")


class Keeper:
    """Notes what it is asked for."""

    pilot = "far"
    allocation = "far.1"

    def __init__(self) -> None:
        self.fetched: list[Key] = []
        self.gone: list[Key] = []

    def fetch(self, kept: Kept) -> None:
        self.fetched.append(kept.key)

    def let_go(self, key: Key) -> None:
        self.gone.append(key)


@given(st.integers(1), st.integers(1), st.integers(0), st.text("0123456789abcdef", min_size=1))
def test_the_words_for_it_say_the_same_after_their_journey(task: int, attempt: int, size: int, digest: str) -> None:
    words = Words(task, attempt, size, digest)
    assert are_words(words.encode())
    assert decode(words.encode()) == words


def test_it_is_asked_for_once_and_tells_everybody_when_it_has_come() -> None:
    keeper = Keeper()
    kept, heard = Kept(WORDS, keeper), list[bytes | None]()
    kept.when_settled(lambda one: heard.append(one.content))
    assert not kept.wait(timeout=0)
    kept.ask("somebody wants it")
    kept.ask("somebody else does")
    assert (keeper.fetched, kept.why) == ([(7, 1)], "somebody wants it")
    waiting = threading.Thread(target=kept.wait, args=(60,))
    waiting.start()
    kept.arrive(b"value")
    kept.lose("too late to be lost")
    waiting.join(60)
    assert not waiting.is_alive()
    kept.when_settled(lambda one: heard.append(one.content))
    assert (heard, kept.cause) == ([b"value", b"value"], "")


def test_the_error_of_a_lost_one_names_task_pilot_and_cause() -> None:
    kept = Kept(WORDS, Keeper())
    kept.label = "make"
    kept.lose("node failure")
    assert kept.settled
    for words in ("task 7 (make)", "47.7 MiB", "'far'", "far.1", "node failure", "keep_remote=True"):
        assert words in str(kept.error)


def test_its_agent_is_told_when_nobody_holds_it_any_more_unless_it_has_come() -> None:
    keeper = Keeper()
    kept, came = Kept(WORDS, keeper), Kept(WORDS._replace(task=8), keeper)
    reference = kept.reference
    came.arrive(b"value")
    del kept, came
    assert keeper.gone == []
    del reference
    assert keeper.gone == [(7, 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_wait_for_what_only_its_parent_can_fetch() -> None:
    keeper = Keeper()
    kept = Kept(WORDS, keeper)
    kept._process = os.getppid()
    assert kept.wait(timeout=None)
    assert "a child that it forked" in kept.cause
