from __future__ import annotations

import pytest

from pilot_quantum.journal import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (12e-6, "12 µs"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (59.9, "59.9 s"),
        (59.99, "1 min 0 s"),
        (61, "1 min 1 s"),
        (7260, "2 h 1 min"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert units.duration(seconds) == text


def test_rates_shares_and_moments() -> None:
    assert [units.rate(value) for value in (None, 0.5, 43210.4)] == ["-", "0.5/s", "43,210/s"]
    assert [units.share(value) for value in (None, 0.934)] == ["-", "93.4 %"]
    assert units.moment(0).startswith(("1970-01-01", "1969-12-31"))
