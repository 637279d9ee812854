from __future__ import annotations

from concurrent.futures import CancelledError, Future

import pytest

from pilot_quantum.workload.batch import Batch, BatchState
from pilot_quantum.workload.blocks import UnitKey


def units(count):
    return {UnitKey(i, 0, 0): Future() for i in range(count)}


def test_results_are_keyed_whatever_the_order_in_which_units_end():
    futures = units(3)
    batch = Batch(futures.items())
    assert batch.state is BatchState.QUEUED
    for i in (2, 0, 1):
        futures[UnitKey(i, 0, 0)].set_result(i)
        assert batch.state is (BatchState.DONE if i == 1 else BatchState.RUNNING)
    assert batch.results() == {UnitKey(i, 0, 0): i for i in range(3)}


def test_no_units_are_done_at_once():
    batch = Batch([])
    assert batch.state is BatchState.DONE
    assert batch.results() == {}
    assert not batch.cancel()


def test_the_first_failure_cancels_the_others_and_names_its_pub():
    futures = units(3)
    batch = Batch(futures.items())
    futures[UnitKey(1, 0, 0)].set_exception(ValueError("no"))
    assert batch.state is BatchState.FAILED
    assert futures[UnitKey(0, 0, 0)].cancelled()
    assert futures[UnitKey(2, 0, 0)].cancelled()
    for _ in range(2):
        with pytest.raises(ValueError, match="no") as caught:
            batch.results()
        assert len(caught.value.__notes__) == 1
        assert "PUB 1" in caught.value.__notes__[0]


def test_a_unit_that_failed_before_the_batch_was_made_counts():
    futures = units(2)
    futures[UnitKey(0, 0, 0)].set_exception(ValueError("early"))
    batch = Batch(futures.items())
    with pytest.raises(ValueError, match="early"):
        batch.results()
    assert futures[UnitKey(1, 0, 0)].cancelled()


def test_a_cancelled_batch_says_so():
    futures = units(2)
    futures[UnitKey(0, 0, 0)].set_result(1)
    batch = Batch(futures.items())
    assert batch.cancel()
    assert batch.state is BatchState.CANCELLED
    with pytest.raises(CancelledError):
        batch.results()


def test_waiting_has_an_end():
    with pytest.raises(TimeoutError, match="2 of 2 units"):
        Batch(units(2).items()).results(timeout=0)
