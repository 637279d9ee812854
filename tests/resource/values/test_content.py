"""Values as bytes: any value comes back, arrays use the bytes where they lie and are as writable as they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pilot_quantum.resource.payload import pack
from pilot_quantum.resource.values.content import ALIGNMENT, load


def _joined(value: Any, *, frozen: bool) -> bytes:
    return b"".join(pack(value, frozen=frozen))


ARRAYS = hnp.arrays(st.sampled_from([np.float64, np.int8, np.complex128]), hnp.array_shapes(min_side=0))


@given(
    st.recursive(st.integers() | st.text() | ARRAYS, lambda one: st.lists(one) | st.dictionaries(st.text(), one)),
    st.booleans(),
)
def test_any_value_comes_back(value: Any, frozen: bool) -> None:
    np.testing.assert_equal(load(_joined(value, frozen=frozen)), value)


@given(ARRAYS)
def test_frozen_arrays_lie_in_the_content_aligned_and_cannot_be_written(array: np.ndarray[Any, Any]) -> None:
    content = np.frombuffer(_joined([array, "x"], frozen=True), np.uint8)
    found = load(content)[0]
    assert not found.flags.writeable
    if found.size:
        assert np.shares_memory(found, content)
        assert (found.ctypes.data - content.ctypes.data) % ALIGNMENT == 0


def test_others_are_as_writable_as_they_were_and_each_has_its_own() -> None:
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    content = _joined([np.arange(3.0), fixed], frozen=False)
    first, second = load(content), load(content)
    first[0][0] = 7
    assert second[0][0] == 0
    assert not first[1].flags.writeable


def test_code_of_main_travels_with_the_value() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def double(x): return 2 * x", namespace)
    assert load(_joined({"fn": namespace["double"], "data": np.ones(3)}, frozen=True))["fn"](4) == 8


def test_what_cannot_be_pickled_raises() -> None:
    with pytest.raises(TypeError, match="generator"):
        pack((one for one in ()), frozen=True)
