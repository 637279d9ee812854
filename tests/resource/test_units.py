"""Amounts as people write them, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.units import format_bytes, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1),
        ("512MiB", 512 * 2**20),
        ("4GiB", 4 * 2**30),
        (" 4 GiB ", 4 * 2**30),
        ("4G", 4 * 2**30),
        ("4GB", 4 * 10**9),
        ("1.5KiB", 1536),
        ("500kB", 500_000),
        ("2TiB", 2 * 2**40),
        (7, 7),
    ],
)
def test_memory_is_read_as_written(text, amount):
    assert parse_bytes(text, "memory") == amount


@given(st.integers(min_value=0))
def test_whole_bytes_are_exact(amount):
    assert parse_bytes(str(amount), "memory") == amount


@pytest.mark.parametrize("text", ["", "4gib", "GiB", "-4GiB", "4 GiB of it", "1e3", "nan", "inf", "0x10", "4,5GiB"])
def test_what_is_no_memory_is_named_with_the_remedy(text):
    with pytest.raises(InvalidDescriptionError, match=r"memory=.*4GiB"):
        parse_bytes(text, "memory")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("0.5s", 0.5),
        ("30m", 1800),
        ("30min", 1800),
        ("2h", 7200),
        ("1d", 86400),
        ("5:30", 330),
        ("01:30:00", 5400),
        ("1-12:00:00", 129_600),
        ("2-06:30", 2 * 86400 + 6 * 3600 + 30 * 60),
        (12.5, 12.5),
    ],
)
def test_times_are_read_as_written(text, seconds):
    assert parse_seconds(text, "walltime") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5 parsecs", "1:99", "nan", "inf", "1e3", "1:2:3:4"])
def test_what_is_no_time_is_named_with_the_remedy(text):
    with pytest.raises(InvalidDescriptionError, match=r"walltime=.*30m"):
        parse_seconds(text, "walltime")


def test_amounts_are_written_for_people():
    assert [format_bytes(n) for n in (0, 1023, 1024, 300 * 2**20, 4 * 2**30, 3 * 2**40)] == [
        "0 B",
        "1.02e+03 B",
        "1 KiB",
        "300 MiB",
        "4 GiB",
        "3 TiB",
    ]
    assert [format_seconds(n) for n in (0.25, 60, 300, 7200)] == ["0.25 s", "60 s", "5.0 min", "2.0 h"]
