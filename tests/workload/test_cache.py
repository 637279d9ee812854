from __future__ import annotations

import pytest

from pilot_quantum.workload.cache import Cache


def never() -> int:
    pytest.fail("made again")


def test_a_value_is_made_once_while_it_is_kept():
    cache: Cache[str, int] = Cache(10)
    assert cache.get("a", 4, lambda: 1) == 1
    assert cache.get("a", 4, never) == 1


def test_what_was_used_longest_ago_goes_first():
    cache: Cache[str, int] = Cache(10)
    for name in "ab":
        cache.get(name, 4, lambda: 1)
    cache.get("a", 4, never)
    cache.get("c", 4, lambda: 3)
    assert cache.get("a", 4, never) == 1
    assert cache.get("b", 4, lambda: 2) == 2
    assert cache.weight <= 10


def test_the_newest_is_kept_however_heavy():
    cache: Cache[str, int] = Cache(10)
    cache.get("a", 4, lambda: 1)
    cache.get("heavy", 100, lambda: 2)
    assert cache.get("heavy", 100, never) == 2
    assert len(cache) == 1


def test_an_error_while_making_keeps_nothing():
    cache: Cache[str, float] = Cache(10)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", 1, lambda: 1 / 0)
    assert cache.get("a", 1, lambda: 2) == 2
