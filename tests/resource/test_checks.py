"""Numbers that users give."""

from __future__ import annotations

import numpy as np
import pytest

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.checks import check_number, check_whole


def test_whole_numbers_come_back_as_pythons_own():
    assert check_whole("shots", 5) == 5
    assert type(check_whole("shots", np.int64(5), 1)) is int


@pytest.mark.parametrize("value", [0, -1, 1e5, 1.5, True, None, "5", float("nan")])
def test_what_is_no_whole_number_or_too_small_is_refused(value):
    with pytest.raises(InvalidDescriptionError, match=r"^shots=.* must be a whole number of at least 1, or None\.$"):
        check_whole("shots", value, 1, "or None")


def test_numbers_within_their_bounds_pass():
    check_number("price", 0)
    check_number("price", np.float32(0.5), 0.0, 1.0)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, None, "1", 1j])
def test_what_is_no_finite_number_or_out_of_bounds_is_refused(value):
    with pytest.raises(InvalidDescriptionError, match=r"^price=.* must be a finite number of at least 0\.$"):
        check_number("price", value)
    with pytest.raises(InvalidDescriptionError, match=r"^part=.* must be a number from 0 to 1, a share\.$"):
        check_number("part", value, 0.0, 1.0, "a share")
