"""Linear algebra in one thread, for a while."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from pilot_quantum.circuit.one_thread import one_thread


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_linear_algebra_has_one_thread_within_and_as_many_as_before_after_it():
    np.linalg.eigh(np.eye(3))
    before = threads()
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_threads_that_enter_and_leave_in_any_order_leave_all_as_it_was():
    before = threads()
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(threads()) == {1}
    second.__exit__(None, None, None)
    assert threads() == before
