"""What putting fragments together refuses, in figures that can be read."""

from __future__ import annotations

import pytest

from pilot_quantum.circuit.contraction import check_overlaps
from pilot_quantum.errors import CircuitTooLargeError


@pytest.mark.parametrize(
    ("variants", "said"),
    [(2**14, "16384 variants"), (2**300, r"2\^300 variants"), (3**200, r"more than 2\^316 variants")],
)
def test_a_number_of_variants_that_nobody_reads_is_a_power(variants, said):
    with pytest.raises(CircuitTooLargeError, match=f"fragment 2 has {said}, and their overlaps for 8 strings"):
        check_overlaps(2, variants, 8)


def test_few_variants_are_no_fault():
    check_overlaps(0, 64, 100)
