"""Linear algebra of NumPy and SciPy in one thread, for matrices so small that waking others takes longer.

On a machine whose cores are busy a product of a few thousand numbers waits for its threads for up to 10 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = Lock()
_inside = 0
_limit: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it this process's linear algebra uses one thread; entering takes 20 microseconds.

    Threads of the program may be in it at the same time: the last that leaves restores what was before the first.
    """
    global _inside, _limit
    with _lock:
        _inside += 1
        if _inside == 1:
            _limit = _blas().limit(limits=1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


@cache
def _blas() -> ThreadpoolController:
    with suppress(ImportError):
        import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401 - has a BLAS of its own, known once it is loaded
    return ThreadpoolController().select(user_api="blas")
