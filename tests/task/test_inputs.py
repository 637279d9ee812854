"""What stands for futures and stored values among arguments: large values are packed once, and kept within bounds."""

from __future__ import annotations

import gc
import pickle
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pilot_quantum.errors import ResultLostError, SessionClosedError
from pilot_quantum.resource.payload import BULKY
from pilot_quantum.resource.values.file import Reference, forget, loads
from pilot_quantum.resource.values.kept import Kept, KeptReference, Words
from pilot_quantum.resource.values.store import Store
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.inputs import Inputs
from pilot_quantum.task.stored import Stored
from pilot_quantum.task.submission import Handle


def _ended(number: int, value: Any) -> TaskFuture[Any]:
    future: TaskFuture[Any] = TaskFuture(number, cast(Handle, SimpleNamespace(label="f")), b"", 0.0)
    future.end(value, None)
    return future


def test_a_large_value_is_packed_once_and_goes_with_its_future() -> None:
    store = Store()
    inputs = Inputs(store)
    future = _ended(1, np.zeros(BULKY))
    (first,), (second,) = inputs.pack([future]), inputs.pack([future])
    assert isinstance(first, Reference)
    assert isinstance(second, Reference)
    assert first.value is second.value
    del first, second
    assert store.in_memory > BULKY
    del future
    gc.collect()
    assert store.in_memory == 0


def test_the_longest_unused_go_when_it_is_too_much_and_are_packed_again() -> None:
    store = Store()
    inputs = Inputs(store, limit=3 * 8 * BULKY)
    futures = [_ended(number, np.full(BULKY, number)) for number in range(5)]
    for _ in range(2):
        for number, future in enumerate(futures):
            (content,) = inputs.pack([future])
            assert loads(content)[0] == number
            forget()
            del content
            assert store.in_memory <= 3 * 8 * BULKY
    inputs.clear()
    assert store.in_memory == 0


def test_a_result_that_stays_on_its_pilot_is_neither_fetched_nor_packed() -> None:
    asked: list[Kept] = []
    keeper = SimpleNamespace(pilot="p", allocation="p.1", fetch=asked.append, let_go=lambda key: None)
    kept = Kept(Words(1, 1, 8 * BULKY, "ab"), keeper)
    future, inputs = _ended(1, kept), Inputs(Store())
    (reference,) = inputs.pack([future])
    assert isinstance(reference, KeptReference)
    assert reference.kept is kept
    kept.arrive(pickle.dumps("come"))
    assert inputs.pack([future]) == (pickle.dumps("come"),)
    assert asked == []
    lost = Kept(Words(2, 1, 8 * BULKY, "ab"), keeper)
    lost.lose("killed")
    with pytest.raises(ResultLostError, match="killed"):
        inputs.pack([_ended(2, lost)])


def test_small_values_are_pickled_each_time_as_they_are() -> None:
    value = [1]
    future, inputs = _ended(1, value), Inputs(Store())
    assert loads(inputs.pack([future])[0]) == [1]
    value.append(2)
    assert loads(inputs.pack([future])[0]) == [1, 2]


def test_a_stored_value_stands_beside_futures_until_it_is_released() -> None:
    store = Store()
    stored, small = Stored(np.ones(BULKY), store), Stored("x", store)
    contents = Inputs(store).pack([_ended(1, 5), stored, small])
    assert [np.sum(loads(one)) for one in contents[:2]] == [5, BULKY]
    assert loads(contents[2]) == small.get() == "x"
    forget()
    del contents
    stored.release()
    assert store.in_memory == 0
    with pytest.raises(SessionClosedError, match="this ndarray went with its session"):
        stored.get()


def test_a_handle_is_pickled_only_as_an_argument() -> None:
    with pytest.raises(TypeError, match="pass it as an argument of a task"):
        pickle.dumps(Stored(1, Store()))
