"""NumPy's linear algebra in one thread, for matrices so small that waking others takes longer.

On a machine whose cores are busy a product of a few thousand numbers waits for its threads for up to 10 ms.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """A context within which this process's linear algebra uses one thread; entering takes 20 microseconds."""
    limit: AbstractContextManager[Any] = _blas().limit(limits=1)
    return limit


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
